// Native databases: the nodes' own. Each has links of its own, which stand in it from their greeting on.
#include <algorithm>
#include <string>

#include "batch.h"
#include "protocol/key_scheme.h"

namespace slotless::test {

namespace {
constexpr std::string_view kOutOfRange = "-ERR DB index is out of range\r\n";

// Database 1 is pinned, 3 and 4 are native. What a pinned database 3 would have is looked for on the node of
// its slot.
struct Native : Stage {
  Native() {
    using config::DatabaseLayout;
    config.databases = 8;
    config.databaseLayout = {{1, 1, DatabaseLayout::Pinned, "a"}, {2, 7, DatabaseLayout::Native, ""}};
    for (std::size_t number = 1; number <= kNodes + 1; ++number) {
      node(number).answersHandshake("SELECT", std::string(kOk));
      node(number).answersHandshake("CLUSTER GETKEYSINSLOT", "*0\r\n");
    }
  }
  void select(FakeClient& who, int index = 3) {
    who.sends("SELECT " + std::to_string(index));
    clock.advance(200ms);
    who.receives(kOk);
  }
  std::size_t selects(std::size_t number, int index = 3) {
    const auto& all = node(number).handshakes();
    return static_cast<std::size_t>(std::count(all.begin(), all.end(), "SELECT " + std::to_string(index)));
  }
};
}  // namespace

TEST_CASE_METHOD(Native, "native: keys keep their names, and go by links that stand in their database") {
  client.sends("GET a");
  const Received zero = node(1).expects("GET a");
  zero.replies(bulk("zero"));
  client.receives(bulk("zero"));
  CHECK(selects(1) == 0);
  select(client);
  client.sends({"GET a", "SET b 1"});
  const Received three = node(1).expects("GET a");
  CHECK(&three.connection() != &zero.connection());
  CHECK(selects(1) == 1);
  three.replies(bulk("three"));
  node(2).expects("SET b 1").replies(kOk);
  client.receives(bulk("three") + std::string(kOk));
  select(other, 4);
  other.sends("GET a");
  const Received four = node(1).expects("GET a");
  CHECK(&four.connection() != &three.connection());
  CHECK(selects(1, 4) == 1);
  four.replies(bulk("four"));
  other.receives(bulk("four"));
}

TEST_CASE_METHOD(Native, "native: what was sent before SELECT is answered before what follows it is sent") {
  select(client);
  client.sends({"SET a 1", "SELECT 0", "SET a 2", "SELECT 3", "GET a"});
  const Received first = node(1).expects("SET a 1");
  node(1).expectsNothing();
  first.replies(kOk);
  const Received second = node(1).expects("SET a 2");
  CHECK(&second.connection() != &first.connection());
  node(1).expectsNothing();
  second.replies(kOk);
  const Received third = node(1).expects("GET a");
  CHECK(&third.connection() == &first.connection());
  third.replies(bulk("1"));
  client.receives("+OK\r\n+OK\r\n+OK\r\n+OK\r\n" + bulk("1"));
}

TEST_CASE_METHOD(Native, "native: a node that refuses SELECT for now gets no request on that link") {
  select(client);
  client.sends("GET a");
  const Received got = node(1).expects("GET a");
  got.replies(bulk("1"));
  client.receives(bulk("1"));
  FakeConnection* link = &got.connection();
  for (const std::string_view refusal :
       {"-BUSY Redis is busy running a script.\r\n", "-LOADING the dataset\r\n"}) {
    node(1).answersHandshake("SELECT", std::string(refusal));
    link->reset();
    client.sends("SET a 2");
    clock.advance(1s);
    node(1).expectsNothing();
    client.receivesNothing();
    node(1).answersHandshake("SELECT", std::string(kOk));
    clock.advance(5s);
    const Received set = node(1).expects("SET a 2");
    set.replies(kOk);
    link = &set.connection();
    client.receives(kOk);
  }
}

TEST_CASE_METHOD(Native, "native: nodes without such a database are told of, and asked again") {
  node(2).answersHandshake("SELECT", std::string(kOutOfRange));
  client.sends({"SELECT 3", "GET a"});
  clock.advance(300ms);
  node(1).expects("GET a").replies(bulk("zero"));
  const std::string told = client.takes();
  CHECK(told.find("-ERR database 3 is native, and node " + node(2).address().text()) == 0);
  CHECK(told.ends_with("DB index is out of range\r\n" + bulk("zero")));
  node(2).answersHandshake("SELECT", std::string(kOk));
  clock.advance(3s);
  client.sends("SELECT 3");
  client.takes();
  clock.advance(3s);
  select(client);
}

TEST_CASE_METHOD(Native, "native: keys that a pinned database of that number has left are found") {
  const std::string left = protocol::pinnedPrefix(3, protocol::tagFor(3)) + "k";
  for (std::size_t number = 1; number <= kNodes; ++number)
    node(number).answersHandshake("CLUSTER GETKEYSINSLOT", "*2\r\n" + bulk("other") + bulk(left));
  client.sends("SELECT 3");
  clock.advance(400ms);
  CHECK(client.takes().starts_with("-ERR database 3 has keys that layout pinned has left, such as '~3{"));
}

TEST_CASE_METHOD(Native, "native: transactions, watches and what blocks are in their database, too") {
  select(client);
  client.sends("WATCH a");
  const Received watch = node(1).expects("WATCH a");
  watch.replies(kOk);
  client.receives(kOk);
  const std::size_t before = selects(1);
  client.sends({"MULTI", "SET a 1", "EXEC"});
  const Batch batch(node(1), {"SET a 1"});
  CHECK(&batch.connection() == &watch.connection());
  batch.replies("*1\r\n+OK\r\n");
  client.receives("+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n");
  CHECK(before >= 2);  // the shared link, and the lease
  client.sends("BLPOP b 0");
  const Received pop = node(2).expects("BLPOP b 0");
  CHECK(selects(2) == 2);
  pop.replies("*2\r\n" + bulk("b") + bulk("v"));
  client.receives("*2\r\n" + bulk("b") + bulk("v"));
}

TEST_CASE_METHOD(Native, "native: SELECT in a transaction chooses for all of it, and for what follows EXEC") {
  select(client);
  select(client, 0);
  client.sends({"MULTI", "SELECT 3", "SET a 1", "EXEC", "GET a"});
  const Batch batch(node(1), {"SET a 1"});
  node(1).expectsNothing();
  batch.replies("*1\r\n+OK\r\n");
  const Received get = node(1).expects("GET a");
  CHECK(&get.connection() == &batch.connection());
  get.replies(bulk("1"));
  client.receives("+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n+OK\r\n" + bulk("1"));
  const std::string late =
      "-ERR SELECT into or out of a native database can only come before a transaction's other commands\r\n";
  client.sends({"MULTI", "SET a 2", "SELECT 0", "EXEC"});
  client.receives("+OK\r\n+QUEUED\r\n" + late + aborted(late));
}

TEST_CASE_METHOD(Native, "native: SELECT is refused while keys are watched, and after UNWATCH it is not") {
  select(client);
  client.sends("WATCH a");
  node(1).expects("WATCH a").replies(kOk);
  client.receives(kOk);
  client.sends("SELECT 0");
  CHECK(client.takes().starts_with(
      "-ERR SELECT into or out of a native database is not possible while keys are watched"));
  client.sends("UNWATCH");
  node(1).expects("UNWATCH").replies(kOk);
  client.receives(kOk);
  client.sends({"SELECT 0", "SELECT 3"});
  client.receives("+OK\r\n+OK\r\n");
}

TEST_CASE_METHOD(Native, "native: between two of the nodes' databases they move and copy themselves") {
  select(client);
  client.sends({"MOVE a 4", "COPY a a DB 0 REPLACE"});
  node(1).expects("MOVE a 4").replies(":1\r\n");
  node(1).expects("COPY a a DB 0 REPLACE").replies(":0\r\n");
  client.receives(":1\r\n:0\r\n");
  client.sends({"MOVE a 1", "COPY a b DB 4"});
  const std::string refused = client.takes();
  CHECK(refused.starts_with("-ERR MOVE and COPY between a native database and one"));
  CHECK(refused.find("-CROSSSLOT COPY into another native database") != std::string::npos);
}

TEST_CASE_METHOD(Native, "native: the whole database is what all masters have in theirs") {
  select(client);
  client.sends({"DBSIZE", "FLUSHDB", "KEYS *"});
  for (std::size_t number = 1; number <= kNodes; ++number) node(number).expects("DBSIZE").replies(":2\r\n");
  for (std::size_t number = 1; number <= kNodes; ++number) node(number).expects("FLUSHDB").replies(kOk);
  for (std::size_t number = 1; number <= kNodes; ++number)
    node(number).expects("KEYS *").replies("*1\r\n" + bulk("~k"));
  client.receives(":6\r\n+OK\r\n*3\r\n" + bulk("~k") + bulk("~k") + bulk("~k"));
}

TEST_CASE_METHOD(Native, "native: links that nobody uses are closed, and made again") {
  select(client);
  client.sends("GET a");
  node(1).expects("GET a").replies(bulk("1"));
  client.receives(bulk("1"));
  const std::size_t before = selects(1);
  clock.advance(310s);
  client.sends("GET a");
  clock.advance(100ms);
  node(1).expects("GET a").replies(bulk("1"));
  client.receives(bulk("1"));
  CHECK(selects(1) == before + 1);
}

TEST_CASE_METHOD(Native, "native: a connection may begin in one") {
  config.defaultDatabase = 3;
  client.sends({"SET a 1", "RESET", "SELECT 0", "GET a"});
  clock.advance(200ms);
  node(1).expects("SET a 1").replies(kOk);
  node(1).expects("GET a").replies(bulk("zero"));
  client.receives("+OK\r\n+RESET\r\n+OK\r\n" + bulk("zero"));
}

TEST_CASE_METHOD(Native, "native: who tracks hears of everything when it goes to another database") {
  client.sends("HELLO 3");
  client.takes();
  select(client);
  client.sends("CLIENT TRACKING ON");
  for (std::size_t number = 1; number <= kNodes; ++number)
    node(number).expects("CLIENT TRACKING ON").replies(kOk);
  client.receives(kOk);
  client.sends("GET a");
  node(1).expects("GET a").replies(bulk("1"));
  client.receives(bulk("1"));
  select(client, 4);
  client.sends("GET a");
  for (std::size_t number = 1; number <= kNodes; ++number)
    node(number).expects("CLIENT TRACKING ON").replies(kOk);
  const Received get = node(1).expects("GET a");
  CHECK(selects(1, 4) >= 1);
  get.replies(bulk("4"));
  client.receives(">2\r\n$10\r\ninvalidate\r\n_\r\n" + bulk("4"));
}

TEST_CASE_METHOD(Native, "native: no script selects a database, for 0 leads away from one of the nodes'") {
  select(client);
  client.sends("EVAL return(redis.call('SELECT',0)) 1 a");
  const Received eval = node(1).expectsAny();
  CHECK(eval.words()[1].find(" local index=-1 ") != std::string::npos);
  eval.replies(":1\r\n");
  client.receives(":1\r\n");
}

}  // namespace slotless::test
