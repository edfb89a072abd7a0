-- wrk -s requests.lua URL -- METHOD FILE: sends lines of the file at random; a line is a path (GET) or a body (POST).
function setup(thread)
   thread:set("seed", os.time())
end

local requests = {}

function init(arguments)
   math.randomseed(seed)
   local method, file = arguments[1], arguments[2]
   for line in io.lines(file) do
      if method == "GET" then
         requests[#requests + 1] = wrk.format("GET", line)
      else
         requests[#requests + 1] = wrk.format("POST", nil, { ["Content-Type"] = "application/json" }, line)
      end
   end
end

function request()
   return requests[math.random(#requests)]
end

-- One line of JSON, which is all that the bench reads; times in microseconds.
function done(summary, latency)
   local failed = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status + summary.errors.timeout
   io.write(string.format('{"requests": %d, "microseconds": %d, "failed": %d, "p50": %.0f, "p99": %.0f}\n',
      summary.requests, summary.duration, failed, latency:percentile(50), latency:percentile(99)))
end
