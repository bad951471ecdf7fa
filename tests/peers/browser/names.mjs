// Names of *.test are this machine, for what a walk asks by itself as for the browser.
import dns from 'node:dns';

const here = (name) => (name.endsWith('.test') ? '127.0.0.1' : name);

const { lookup } = dns;
const { lookup: promised } = dns.promises;
dns.lookup = (name, ...rest) => lookup(here(name), ...rest);
dns.promises.lookup = (name, ...rest) => promised(here(name), ...rest);
