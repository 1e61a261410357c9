"""Prints what `?wait=` costs on an idle node, one client after the other: `python3 tests/bench/waits.py http://127.0.0.1:7070`."""
import http.client, json, statistics, sys, time, urllib.parse
host = urllib.parse.urlparse(sys.argv[1]).netloc
c = http.client.HTTPConnection(host)
def call(method, path, body=None):
    c.request(method, path, None if body is None else json.dumps(body), {"content-type": "application/json"})
    r = c.getresponse(); data = json.loads(r.read()); assert r.status in (200, 202), (r.status, data); return data
src = '''
export const Counter = act(() => withState(() => 0, t => whileLoop(() => waitFor(m => true, m => modifyState(t, n => n + 1)))), { daemon: true, key: m => m.name });
export const Once = act((self, { complete }) => waitFor(m => true, m => complete(1)));
'''
call("POST", "/v1/programs", {"files": [{"name": "w.js", "source": src}]})
def measure(what, path, n=300):
    took = []
    for i in range(n):
        t = time.perf_counter(); call("POST", path, {"name": f"k{i % 50}"}); took.append((time.perf_counter() - t) * 1e3)
        time.sleep(0.002)
    took.sort(); print(f"{what:42} p50 {took[n//2]:6.2f} ms  p99 {took[int(n*.99)]:6.2f} ms")
measure("commit, instance", "/v1/workers/Counter/instances/a/messages")
measure("turn, instance", "/v1/workers/Counter/instances/a/messages?wait=turn")
measure("turn, routed by key", "/v1/workers/Counter/messages?wait=turn")
measure("outcome, a run of its own", "/v1/workers/Once/messages?wait=outcome")
