// SORT over several slots: in stages, each at the owners of what it needs.
#include "batch.h"

namespace slotless::test {

namespace {
const std::string kElements = "*3\r\n" + bulk("1") + bulk("2") + bulk("3");
constexpr std::string_view kAmbiguous =
    "-AMBIGUOUS The connection to the node broke after this command was sent: it may or may not have been "
    "carried out\r\n";
const std::string kWeights = "*3\r\n" + bulk("30") + bulk("10") + bulk("20");
}  // namespace

TEST_CASE_METHOD(Stage, "SORT with BY and GET asks for elements, weights and values in turn") {
  client.sends("SORT {a}list BY {b}w_* GET # GET {c}h_*->f GET {b}v_*");
  node(1).expects("SORT {a}list BY nosort").replies(kElements);
  node(2).expects("MGET {b}w_1 {b}w_2 {b}w_3").replies(kWeights);
  const Received second = node(3).expects("HGET {c}h_2 f");
  const Received third = node(3).expects("HGET {c}h_3 f");
  const Received first = node(3).expects("HGET {c}h_1 f");
  node(2).expects("MGET {b}v_2 {b}v_3 {b}v_1").replies("*3\r\n" + bulk("B") + "$-1\r\n" + bulk("A"));
  second.connection();
  client.receivesNothing();
  third.connection();
  first.replies(bulk("two") +
                "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n$-1\r\n");
  client.receives("*9\r\n" + bulk("2") + bulk("two") + bulk("B") + bulk("3") + "$-1\r\n$-1\r\n" + bulk("1") +
                  "$-1\r\n" + bulk("A"));
  CHECK(worker().requestsInUse() == 0);
}

TEST_CASE_METHOD(Stage, "a client's other commands are before or after all of a SORT in stages") {
  client.sends({"SET d 1", "SORT {a}list BY {b}w_*", "GET d"});
  const Received set = node(1).expects("SET d 1");
  node(1).expectsNothing();
  set.replies("+OK\r\n");
  client.receives("+OK\r\n");
  node(1).expects("SORT {a}list BY nosort").replies(kElements);
  const Received weights = node(2).expects("MGET {b}w_1 {b}w_2 {b}w_3");
  node(1).expectsNothing();
  weights.replies(kWeights);
  client.receives("*3\r\n" + bulk("2") + bulk("3") + bulk("1"));
  node(1).expects("GET d").replies(bulk("1"));
  client.receives(bulk("1"));
}

TEST_CASE_METHOD(Stage, "what SORT stores in another slot replaces the key there in one piece") {
  client.sends("SORT {a}list DESC LIMIT 0 2 STORE {b}to");
  node(1).expects("SORT {a}list DESC LIMIT 0 2").replies("*2\r\n" + bulk("3") + bulk("2"));
  Batch(node(2), {"DEL {b}to", "RPUSH {b}to 3 2"}).replies("*2\r\n:0\r\n:2\r\n");
  client.receives(":2\r\n");
  client.sends("SORT {a}none STORE {b}to");
  node(1).expects("SORT {a}none LIMIT 0 -1").replies("*0\r\n");
  node(2).expects("DEL {b}to").replies(":1\r\n");
  client.receives(":0\r\n");
}

TEST_CASE_METHOD(Stage, "a set that is not to be sorted is stored in an order all the same") {
  client.sends("SORT {a}set BY nosort LIMIT 1 2 STORE {b}to");
  const Received sort = node(1).expects("SORT {a}set BY nosort");
  node(1).expects("TYPE {a}set");
  sort.replies("*3\r\n" + bulk("c") + bulk("a") + bulk("b") + "+set\r\n");
  Batch(node(2), {"DEL {b}to", "RPUSH {b}to b c"}).replies("*2\r\n:0\r\n:2\r\n");
  client.receives(":2\r\n");
}

// As a node is asked for them, and as it answers: each weight is 1000 less its element.
std::string weighted(int first, int end, std::string& replies) {
  std::string request = "MGET";
  replies = "*" + std::to_string(end - first) + "\r\n";
  for (int i = first; i < end; ++i) {
    request += " {b}w_" + std::to_string(i);
    replies += bulk(std::to_string(1000 - i));
  }
  return request;
}

TEST_CASE_METHOD(Stage, "a SORT of many elements asks for a few at a time, and others are served between") {
  constexpr int kCount = 600;
  std::string list = "*" + std::to_string(kCount) + "\r\n";
  for (int i = 0; i < kCount; ++i) list += bulk(std::to_string(i));
  client.sends("SORT {a}list BY {b}w_* LIMIT 1 2");
  node(1).expects("SORT {a}list BY nosort").replies(list);
  for (const auto& [first, end] : {std::pair(0, 256), std::pair(256, 512), std::pair(512, 600)}) {
    std::string replies;
    const Received weights = node(2).expects(weighted(first, end, replies));
    node(2).expectsNothing();
    other.sends("GET a");
    node(1).expects("GET a").replies(bulk("1"));
    other.receives(bulk("1"));
    weights.replies(replies);
  }
  client.receives("*2\r\n" + bulk("598") + bulk("597"));
}

TEST_CASE_METHOD(Stage, "errors end a SORT at any stage, and a weight that is no number is one") {
  const std::string sort = "SORT {a}list BY {b}w_* STORE {c}to";
  client.sends(sort);
  node(1).expects("SORT {a}list BY nosort").replies("-WRONGTYPE not a list\r\n");
  client.receives("-WRONGTYPE not a list\r\n");
  client.sends(sort);
  node(1).expects("SORT {a}list BY nosort").replies(kElements);
  node(2).expects("MGET {b}w_1 {b}w_2 {b}w_3").replies("*3\r\n" + bulk("x") + bulk("1") + bulk("2"));
  client.receives("-ERR One or more scores can't be converted into double\r\n");
  client.sends(sort);
  node(1).expects("SORT {a}list BY nosort").replies("*0\r\n");
  node(3).expects("DEL {c}to");
  node(3).resets();
  client.receives(kAmbiguous);
  CHECK(worker().requestsInUse() == 0);
}

TEST_CASE_METHOD(Stage,
                 "reading stages of a SORT survive a lost connection, and a client that leaves ends it") {
  client.sends("SORT {a}list BY {b}w_*");
  node(1).expects("SORT {a}list BY nosort");
  node(1).resets();
  node(1).expects("SORT {a}list BY nosort").replies(kElements);
  const Received weights = node(2).expects("MGET {b}w_1 {b}w_2 {b}w_3");
  client.resets();
  weights.replies(kWeights);
  CHECK(worker().requestsInUse() == 0);
  CHECK(metrics().inFlightRequests.value() == 0);
}

TEST_CASE_METHOD(Stage, "SORT goes to its node as it is where one node can do all of it") {
  for (const std::string_view sort : {"SORT a BY nosort LIMIT 0 1", "SORT a ALPHA STORE {a}to"}) {
    client.sends(sort);
    node(1).expects(sort).replies(":1\r\n");
    client.receives(":1\r\n");
  }
}

TEST_CASE_METHOD(Stage, "what no server takes of SORT is refused in its words, whatever the slots") {
  for (const std::string_view sort :
       {"SORT_RO a STORE b", "SORT a GET", "SORT a BY w_* FOO", "SORT a STORE b FOO"}) {
    client.sends(sort);
    client.receives("-ERR syntax error\r\n");
  }
  client.sends("SORT a STORE b LIMIT x 1 FOO");
  client.receives("-ERR value is not an integer or out of range\r\n");
}

TEST_CASE_METHOD(Stage, "SORT_RO is put together as well") {
  client.sends("SORT_RO {a}list BY {b}w_*");
  node(1).expects("SORT_RO {a}list BY nosort").replies(kElements);
  node(2).expects("MGET {b}w_1 {b}w_2 {b}w_3").replies(kWeights);
  client.receives("*3\r\n" + bulk("2") + bulk("3") + bulk("1"));
}

TEST_CASE_METHOD(Stage, "a list that is sorted into itself is sorted anew if it has changed meanwhile") {
  const std::string print = bulk(std::string(40, 'f'));
  const auto lists = [&](const std::string& elements) {
    const Received asked = node(1).expectsAny();
    CHECK(asked.words().at(0) == "EVAL");
    CHECK(asked.words().at(1).find("sha1hex") != std::string::npos);
    asked.replies(print);
    node(1).expects("SORT {a}list BY nosort").replies(elements);
  };
  const auto stores = [&](const std::string& reply) {
    const Received store = node(1).expectsAny();
    CHECK(store.words().at(3) == "{a}list");
    CHECK(store.words().at(4) == std::string(40, 'f'));
    const std::vector<std::string> elements(store.words().begin() + 5, store.words().end());
    store.replies(reply);
    return elements;
  };
  client.sends("SORT {a}list BY {b}w_* STORE {a}list");
  lists(kElements);
  node(2).expects("MGET {b}w_1 {b}w_2 {b}w_3").replies(kWeights);
  CHECK(stores(":-1\r\n") == std::vector<std::string>{"2", "3", "1"});
  lists("*2\r\n" + bulk("4") + bulk("5"));
  node(2).expects("MGET {b}w_4 {b}w_5").replies("*2\r\n" + bulk("2") + bulk("1"));
  CHECK(stores(":2\r\n") == std::vector<std::string>{"5", "4"});
  client.receives(":2\r\n");
  client.sends("SORT {a}list BY {b}w_* STORE {a}list");
  for (int tries = 0; tries < 20; ++tries) {
    lists("*1\r\n" + bulk("1"));
    node(2).expects("MGET {b}w_1").replies("*1\r\n" + bulk("1"));
    stores(":-1\r\n");
  }
  client.receives("-ERR The list changes all the time while it is sorted\r\n");
  CHECK(worker().requestsInUse() == 0);
}

TEST_CASE_METHOD(Stage, "a list is sorted into itself unseen where scripts are denied") {
  client.sends("SORT {a}list BY {b}w_* STORE {a}list");
  node(1).expectsAny().replies("-NOPERM User app has no permissions to run the 'eval' command\r\n");
  node(1).expects("SORT {a}list BY nosort").replies(kElements);
  node(2).expects("MGET {b}w_1 {b}w_2 {b}w_3").replies(kWeights);
  Batch(node(1), {"DEL {a}list", "RPUSH {a}list 2 3 1"}).replies("*2\r\n:1\r\n:3\r\n");
  client.receives(":3\r\n");
}

TEST_CASE_METHOD(Stage, "elements of SORT do not lead to the keys of other databases") {
  config.databases = 2;
  const std::string elements = "*2\r\n" + bulk("1{oa}secret") + bulk("b");
  client.sends("SORT {a}list BY nosort GET ~* GET ~*->f GET #");
  node(1).expects("SORT {a}list BY nosort LIMIT 0 -1").replies(elements);
  node(3).expects("HGET ~b f").replies("$-1\r\n");
  node(3).expects("MGET ~b").replies("*1\r\n" + bulk("B"));
  client.receives("*6\r\n$-1\r\n$-1\r\n" + bulk("1{oa}secret") + bulk("B") + "$-1\r\n" + bulk("b"));
  client.sends("SORT {a}list BY ~* GET #");
  node(1).expects("SORT {a}list BY nosort").replies(elements);
  node(3).expects("MGET ~b").replies("*1\r\n" + bulk("-1"));
  client.receives("*2\r\n" + bulk("b") + bulk("1{oa}secret"));
}

TEST_CASE_METHOD(Stage, "SORT is not put together where that is configured") {
  config.crossSlot = config::CrossSlot::Error;
  client.sends({"SORT a STORE b", "SORT a BY w_*"});
  node(1).expects("SORT a BY w_*").replies("-ERR BY option of SORT denied in cluster mode.\r\n");
  client.receives(
      "-CROSSSLOT Keys in request don't hash to the same slot\r\n"
      "-ERR BY option of SORT denied in cluster mode.\r\n");
}

}  // namespace slotless::test
