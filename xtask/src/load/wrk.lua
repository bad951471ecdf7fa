-- One kind of request for wrk. Arguments: method, path, seconds after which no request is begun, milliseconds between two
-- requests of a connection, then header fields, the host among them.
-- Requests stop before wrk does, so that none is on its way when it ends and its figures are exact.

local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function init(arguments)
  tally = ""
  counts = {}
  stop = os.time() + tonumber(arguments[3])
  pause = tonumber(arguments[4])
  -- Not by wrk.format, which takes away a length without a body.
  local lines = { arguments[1] .. " " .. arguments[2] .. " HTTP/1.1" }
  for index = 5, #arguments do
    lines[#lines + 1] = arguments[index]
  end
  bytes = table.concat(lines, "\r\n") .. "\r\n\r\n"
end

-- The first one is only looked at by wrk, which takes no request whose body does not come.
local looked_at = false

function request()
  if not looked_at then
    looked_at = true
    return wrk.format("GET", "/")
  end
  return bytes
end

function delay()
  if os.time() < stop then
    return pause
  end
  local parts = {}
  for key, count in pairs(counts) do
    parts[#parts + 1] = key .. " " .. count
  end
  tally = table.concat(parts, ";")
  return 3600000
end

function response(status, headers, body)
  local code = status >= 400 and body:match('"code":"([^"]*)"')
  local key = status .. " " .. (code or "-")
  counts[key] = (counts[key] or 0) + 1
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '\nTALLY {"requests":%d,"failed":%d,"p50_micros":%d,"p99_micros":%d,"longest_micros":%d,"tally":"%s"}\n',
    summary.requests, errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99), latency.max, threads[1]:get("tally")))
end
