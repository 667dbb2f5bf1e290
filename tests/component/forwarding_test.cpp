#include "stage.h"

namespace slotless::test {

TEST_CASE_METHOD(Stage, "a command goes to the owner of its slot and its reply comes back byte for byte") {
  client.sends("GET a");
  node(1).expects("GET a").replies("$1\r\n1\r\n");
  client.receives("$1\r\n1\r\n");
  client.sends("HGETALL b");
  node(2).expects("HGETALL b").replies("*2\r\n$1\r\nf\r\n$0\r\n\r\n");
  client.receives("*2\r\n$1\r\nf\r\n$0\r\n\r\n");
  client.sends("SET c 1");
  node(3).expects("SET c 1").replies("+OK\r\n");
  client.receives("+OK\r\n");
}

TEST_CASE_METHOD(Stage, "an inline command is forwarded as a proper request") {
  client.sendsBytes("SET a \"x y\"\r\nGET b\n");
  const Received set = node(1).expects("SET a x y");
  CHECK(set.words() == Words{"SET", "a", "x y"});
  set.replies("+OK\r\n");
  node(2).expects("GET b").replies("$-1\r\n");
  client.receives("+OK\r\n$-1\r\n");
}

TEST_CASE_METHOD(Stage, "replies of several nodes come back in the order of the requests") {
  client.sends({"GET a", "GET b", "GET c", "GET d"});
  const Received a = node(1).expects("GET a");
  const Received d = node(1).expects("GET d");
  const Received b = node(2).expects("GET b");
  const Received c = node(3).expects("GET c");
  c.replies(bulk("3"));
  b.replies(bulk("2"));
  client.receivesNothing();
  a.replies(bulk("1"));
  client.receives(bulk("1") + bulk("2") + bulk("3"));
  d.replies(bulk("4"));
  client.receives(bulk("4"));
}

TEST_CASE_METHOD(Stage, "what the proxy answers itself keeps its place among the nodes' replies") {
  client.sends({"GET a", "PING", "GET b", "ECHO hi", "NOSUCH x", "GET"});
  const Received a = node(1).expects("GET a");
  node(2).expects("GET b").replies(bulk("2"));
  client.receivesNothing();
  a.replies(bulk("1"));
  client.receives(bulk("1") + "+PONG\r\n" + bulk("2") + bulk("hi") +
                  "-ERR unknown command 'NOSUCH', with args beginning with: 'x' \r\n"
                  "-ERR wrong number of arguments for 'get' command\r\n");
}

TEST_CASE_METHOD(Stage, "a request that arrives byte by byte is sent when it is complete") {
  const std::string bytes = request("SET a 12345");
  for (std::size_t i = 0; i + 1 < bytes.size(); ++i) {
    client.sendsBytes(bytes.substr(i, 1));
    node(1).expectsNothing();
  }
  client.sendsBytes(bytes.substr(bytes.size() - 1));
  node(1).expects("SET a 12345").replies("+OK\r\n");
  client.receives("+OK\r\n");
}

TEST_CASE_METHOD(Stage, "a reply that arrives byte by byte is forwarded as it comes") {
  client.sends("GET a");
  const Received get = node(1).expects("GET a");
  std::string forwarded;
  for (const char byte : std::string("*2\r\n$3\r\nabc\r\n:7\r\n")) {
    get.replies(std::string(1, byte));
    forwarded += byte;
    client.receives(std::string(1, byte));
  }
}

TEST_CASE_METHOD(Stage, "a node's own errors are passed on as they are") {
  client.sends({"INCR a", "LPUSH b x"});
  node(1).expects("INCR a").replies("-ERR value is not an integer or out of range\r\n");
  const Received push = node(2).expects("LPUSH b x");
  for (const char byte :
       std::string("-WRONGTYPE Operation against a key holding the wrong kind of value\r\n")) {
    push.replies(std::string(1, byte));
  }
  client.receives(
      "-ERR value is not an integer or out of range\r\n"
      "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n");
  CHECK(metrics().retries.value() == 0);
}

TEST_CASE_METHOD(Stage, "requests of several clients share one link and each gets its own replies") {
  client.sends("GET a");
  other.sends("GET d");
  client.sends("GET e");
  CHECK(node(1).connects() == 1);
  const Received a = node(1).expects("GET a");
  const Received d = node(1).expects("GET d");
  const Received e = node(1).expects("GET e");
  a.replies(bulk("1") + bulk("2") + bulk("3"));
  client.receives(bulk("1") + bulk("3"));
  other.receives(bulk("2"));
}

TEST_CASE_METHOD(Stage, "a command without keys goes to the masters in turn") {
  client.sends({"COMMAND LIST", "COMMAND LIST", "COMMAND LIST"});
  for (std::size_t i = 1; i <= kNodes; ++i) node(i).expects("COMMAND LIST").replies("*0\r\n");
  client.receives("*0\r\n*0\r\n*0\r\n");
}

}  // namespace slotless::test
