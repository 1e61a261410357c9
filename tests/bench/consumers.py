"""Prints the memory of a node while a thousand clients that read nothing follow streams, and workers emit: `python3 tests/bench/consumers.py http://127.0.0.1:7070 PID`."""
import http.client, json, socket, sys, urllib.parse
CONSUMERS, EMITTERS, MESSAGES, TEXT = 1000, 100, 20_000, "x" * 1000
host, pid = urllib.parse.urlparse(sys.argv[1]).netloc, sys.argv[2]
c = http.client.HTTPConnection(host)
def call(method, path, body=None):
    c.request(method, path, None if body is None else json.dumps(body), {"content-type": "application/json"})
    r = c.getresponse(); data = json.loads(r.read()); assert r.status in (200, 202), (r.status, data); return data
def memory(what):
    kib = next(int(line.split()[1]) for line in open(f"/proc/{pid}/status") if line.startswith("VmRSS:"))
    print(f"{what:44} {kib / 1024:7.0f} MiB", flush=True)
src = '''
export const Emitter = act((self, { outbox }) => whileLoop(() => waitFor(m => true, m => send(outbox, m))), { daemon: true, key: m => m.name });
'''
call("POST", "/v1/programs", {"files": [{"name": "e.js", "source": src}]})
for emitter in range(EMITTERS):
    call("POST", f"/v1/workers/Emitter/instances/e{emitter}/messages?wait=turn", {"text": ""})
memory("before")
address, consumers = host.split(":"), []
for number in range(CONSUMERS):
    s = socket.create_connection((address[0], int(address[1])))
    # What the kernel keeps for a client that does not read counts for the client, not for the node.
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.sendall(f"GET /v1/workers/Emitter/instances/e{number % EMITTERS}/outbox HTTP/1.1\r\nhost: {host}\r\naccept: text/event-stream\r\n\r\n".encode())
    assert s.recv(12) == b"HTTP/1.1 200", "a stream begins"
    consumers.append(s)
memory(f"{CONSUMERS} streams, nothing emitted")
for number in range(MESSAGES):
    call("POST", f"/v1/workers/Emitter/instances/e{number % EMITTERS}/messages", {"text": TEXT})
    if (number + 1) % (MESSAGES // 4) == 0:
        memory(f"{number + 1} messages of {len(TEXT)} bytes, nobody reads")
for s in consumers:
    s.close()
memory("all streams closed")
