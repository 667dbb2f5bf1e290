// RESP3 clients have links of their own protocol: replies have the server's shape, byte for byte.
#include "batch.h"

namespace slotless::test {

namespace {
const std::string kHello3 =
    "%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n7.0.0\r\n$5\r\nproto\r\n:3\r\n$2\r\nid\r\n:"
    "1\r\n"
    "$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n";

struct Resp3 : Stage {
  Resp3() {
    for (std::size_t i = 1; i <= kNodes; ++i) node(i).answersHandshake("HELLO", "%1\r\n+proto\r\n:3\r\n");
  }
  void hello() {
    client.sends("HELLO 3");
    client.receives(kHello3);
  }
};
}  // namespace

TEST_CASE_METHOD(Resp3, "after HELLO 3 replies come by another link, and byte for byte") {
  settle();
  FakeConnection& resp2 = node(1).connection();
  hello();
  const std::string replies[] = {"%2\r\n+a\r\n:1\r\n+b\r\n#t\r\n", "~1\r\n,1.5\r\n",    "_\r\n",
                                 "(12345678901234567890\r\n",      "=7\r\ntxt:abc\r\n", "!5\r\nERR x\r\n",
                                 "|1\r\n+k\r\n+v\r\n:1\r\n"};
  for (const std::string& reply : replies) {
    client.sends("GET a");
    const Received get = node(1).expects("GET a");
    CHECK(&get.connection() != &resp2);
    get.replies(reply);
    client.receives(reply);
  }
  other.sends("GET a");
  const Received get = node(1).expects("GET a");
  CHECK(&get.connection() == &resp2);
  get.replies(bulk("1"));
  other.receives(bulk("1"));
}

TEST_CASE_METHOD(Resp3, "HELLO 3 waits for all earlier replies, and what follows waits for it") {
  client.sends({"GET a", "HELLO 3", "GET a"});
  const Received first = node(1).expects("GET a");
  node(1).expectsNothing();
  first.replies("$-1\r\n");
  const Received second = node(1).expects("GET a");
  CHECK(&second.connection() != &first.connection());
  second.replies("_\r\n");
  client.receives("$-1\r\n" + kHello3 + "_\r\n");
}

TEST_CASE_METHOD(Resp3, "HELLO 2 leads back, and so does RESET") {
  for (const std::string_view back : {"HELLO 2", "RESET"}) {
    client.sends("HELLO 3");
    client.takes();
    client.sends({"CLIENT GETNAME", std::string_view(back), "CLIENT GETNAME"});
    const std::string got = client.takes();
    CHECK(got.starts_with("_\r\n"));
    CHECK(got.ends_with("$-1\r\n"));
  }
}

TEST_CASE_METHOD(Resp3, "the proxy's own nils are RESP3's") {
  hello();
  client.sends({"CLIENT GETNAME", "MULTI", "CLIENT GETNAME", "EXEC"});
  client.receives("_\r\n+OK\r\n+QUEUED\r\n*1\r\n_\r\n");
}

TEST_CASE_METHOD(Resp3, "transactions, watches and commands that block use RESP3 links") {
  hello();
  client.sends({"MULTI", "GET a", "EXEC"});
  Batch(node(1), {"GET a"}).replies("*1\r\n_\r\n");
  client.receives("+OK\r\n+QUEUED\r\n*1\r\n_\r\n");
  client.sends("WATCH a");
  node(1).expects("WATCH a").replies("+OK\r\n");
  client.sends({"MULTI", "GET a", "EXEC"});
  Batch(node(1), {"GET a"}).replies("_\r\n");
  client.receives("+OK\r\n+OK\r\n+QUEUED\r\n_\r\n");
  client.sends("BZPOPMIN a 0");
  node(1).expects("BZPOPMIN a 0").replies("*3\r\n$1\r\na\r\n$1\r\nx\r\n,1\r\n");
  client.receives("*3\r\n$1\r\na\r\n$1\r\nx\r\n,1\r\n");
  CHECK(metrics().transactionLeases.value() == 0);
}

TEST_CASE_METHOD(Resp3, "a lease of one protocol is not given to a client of the other") {
  hello();
  client.sends("BLPOP a 0");
  const Received first = node(1).expects("BLPOP a 0");
  first.replies("_\r\n");
  client.receives("_\r\n");
  other.sends("BLPOP a 0");
  const Received second = node(1).expects("BLPOP a 0");
  CHECK(&second.connection() != &first.connection());
  second.replies("*-1\r\n");
  other.receives("*-1\r\n");
}

TEST_CASE_METHOD(Resp3, "a push that nobody asked for breaks the link, not the client") {
  hello();
  client.sends("GET a");
  const Received get = node(1).expects("GET a");
  get.replies(">2\r\n+invalidate\r\n*0\r\n");
  node(1).expects("GET a").replies("_\r\n");
  client.receives("_\r\n");
}

TEST_CASE_METHOD(Resp3, "split commands are merged in RESP3, too") {
  hello();
  client.sends("MGET a b");
  node(1).expects("MGET a").replies("*1\r\n_\r\n");
  node(2).expects("MGET b").replies("*1\r\n$1\r\n2\r\n");
  client.receives("*2\r\n_\r\n$1\r\n2\r\n");
}

}  // namespace slotless::test
