// What a page hears on a socket to `origin`: the greeting, or nothing.
export const listen = (page, origin) => page.evaluate((url) => new Promise((heard) => {
  const socket = new WebSocket(url);
  socket.onmessage = ({ data }) => heard(data);
  socket.onclose = () => heard('nothing');
}), `${origin.replace('http', 'ws')}/socket`);
