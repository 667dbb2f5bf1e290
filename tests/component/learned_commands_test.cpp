// Tables that are replaced while requests are under way, and commands whose keys a node has to be asked for.
#include <algorithm>

#include "protocol/command_facts.h"
#include "protocol/command_table.h"
#include "stage.h"

namespace slotless::test {

namespace {

std::shared_ptr<const protocol::CommandTable> tableWith(std::initializer_list<std::string_view> lines) {
  std::vector<protocol::CommandSpec> facts = protocol::builtInFacts();
  for (const std::string_view line : lines) facts.push_back(*protocol::parseFactLine(line));
  return std::make_shared<const protocol::CommandTable>(std::move(facts));
}

struct Learned : Stage {
  void learns(std::initializer_list<std::string_view> lines) {
    worker().setCommands(tableWith(lines));
    settle();
  }
  void learnsOdd() { learns({"odd -1; readonly module movablekeys; 0 0 0; ;"}); }
};

std::string keys(std::initializer_list<std::string_view> names) {
  std::string reply = "*" + std::to_string(names.size()) + "\r\n";
  for (const std::string_view name : names) reply += bulk(name);
  return reply;
}

}  // namespace

TEST_CASE_METHOD(Learned, "a learned command is served, and one that is gone is unknown") {
  client.sends("NEW a");
  CHECK(client.takes().starts_with("-ERR unknown command 'NEW'"));
  learns({"new 2; readonly; 1 1 1; @read;"});
  client.sends("NEW b");
  node(2).expects("NEW b").replies(kOk);
  client.receives(kOk);
  learns({});
  client.sends("NEW a");
  CHECK(client.takes().starts_with("-ERR unknown command 'NEW'"));
  client.sends("PING");
  client.receives("+PONG\r\n");
}

TEST_CASE_METHOD(Learned, "a category that a module brings is a word of the rules as soon as it is learned") {
  config.users = {"user root on nopass ~* &* +@all", "user finder on nopass ~* -@all +@search +acl",
                  "user others on nopass ~* +@all -@search"};
  const auto enters = [](FakeClient& who, const std::string& name) {
    who.sends("AUTH " + name + " x");
    who.receives(kOk);
  };
  constexpr std::string_view kLine = "ft.find 2; readonly module; 1 1 1; @search @read;";
  constexpr std::string_view kRefused =
      "-NOPERM this user has no permissions to run the 'ft.find' command\r\n";
  FakeClient& root = addClient();
  enters(root, "root");
  root.sends("ACL SETUSER late on nopass ~* +@search");
  CHECK(root.takes().find("Unknown command or category name in ACL") != std::string::npos);
  root.sends("ACL CAT search");
  CHECK(root.takes().starts_with("-ERR Unknown category"));
  enters(client, "finder");
  client.sends("FT.FIND a");
  CHECK(client.takes().starts_with("-ERR unknown command"));
  learns({kLine});
  enters(other, "others");
  client.sends({"FT.FIND b", "GET b"});
  node(2).expects("FT.FIND b").replies(kOk);
  client.receives(std::string(kOk) + "-NOPERM this user has no permissions to run the 'get' command\r\n");
  other.sends("FT.FIND a");
  other.receives(kRefused);
  root.sends("ACL CAT search");
  root.receives("*1\r\n" + bulk("ft.find"));
  root.sends("ACL SETUSER late on nopass ~* +@search");
  root.receives(kOk);
  FakeClient& late = addClient();
  enters(late, "late");
  late.sends("FT.FIND b");
  node(2).expects("FT.FIND b").replies(kOk);
  late.receives(kOk);
}

// RedisJSON says that it has one key each.
constexpr std::string_view kJsonGets = "json.mget -3; readonly module; 1 1 1; @read;";
constexpr std::string_view kJsonSets = "json.mset -4; write denyoom module; 1 1 1; @write;";

TEST_CASE_METHOD(Learned, "JSON.MGET asks each slot for its keys, and answers in the order of all") {
  learns({kJsonGets});
  client.sends("JSON.MGET a b {a}2 b $.x");
  const Received b = node(2).expects("JSON.MGET b b $.x");
  node(1).expects("JSON.MGET a {a}2 $.x").replies("*2\r\n" + bulk("1") + bulk("3"));
  b.replies("*2\r\n" + bulk("2") + "$-1\r\n");
  client.receives("*4\r\n" + bulk("1") + bulk("2") + bulk("3") + "$-1\r\n");
  client.sends("JSON.MGET a {a}2 $");
  node(1).expects("JSON.MGET a {a}2 $").replies("*2\r\n$-1\r\n$-1\r\n");
  client.receives("*2\r\n$-1\r\n$-1\r\n");
  client.sends("JSON.MGET a b $");
  node(1).expects("JSON.MGET a $").replies("-ERR x\r\n");
  node(2).expects("JSON.MGET b $").replies("*1\r\n$-1\r\n");
  client.receives("-ERR x\r\n");
}

TEST_CASE_METHOD(Learned, "JSON.MSET gives each slot its keys with what belongs to them") {
  learns({kJsonSets});
  client.sends("JSON.MSET a $ 1 b $.x 2 {a}2 $ 3");
  node(1).expects("JSON.MSET a $ 1 {a}2 $ 3").replies(kOk);
  node(2).expects("JSON.MSET b $.x 2").replies(kOk);
  client.receives(kOk);
  client.sends({"MULTI", "GET a", "JSON.MSET a $ 1 b $ 2", "DISCARD"});
  const std::string refused = client.takes();
  INFO(refused);
  CHECK(refused.find("-CROSSSLOT ") != std::string::npos);
}

TEST_CASE_METHOD(Learned, "commands of JSON in a pinned database have the names of the cluster") {
  config.databases = 2;
  config.databaseLayout = {{1, 1, config::DatabaseLayout::Pinned, "a"}};
  learns({kJsonGets, kJsonSets});
  client.sends({"SELECT 1", "JSON.MSET a $ 1 b $ 2", "JSON.MGET a b $"});
  node(1).expects("JSON.MSET ~1{a}a $ 1 ~1{a}b $ 2").replies(kOk);
  node(1).expects("JSON.MGET ~1{a}a ~1{a}b $").replies("*2\r\n" + bulk("1") + bulk("2"));
  client.receives(std::string(kOk) + std::string(kOk) + "*2\r\n" + bulk("1") + bulk("2"));
}

TEST_CASE_METHOD(Learned,
                 "JSON over slots is refused where cross-slot says so, and where words are missing") {
  config.crossSlot = config::CrossSlot::Error;
  learns({kJsonGets, kJsonSets});
  client.sends("JSON.MGET a b $");
  CHECK(client.takes().starts_with("-CROSSSLOT "));
  client.sends("JSON.MSET a $ 1 b");
  client.receives("-ERR wrong number of arguments for 'json.mset' command\r\n");
}

TEST_CASE_METHOD(Learned, "a cursor is read at the node that has it, whoever asks") {
  learns({"ft.aggregate -1; readonly module; 0 0 0; ;", "ft.cursor -1; readonly module; 0 0 0; ;"});
  for (const auto& [index, number] : {std::pair("a", 1U), std::pair("b", 2U), std::pair("c", 3U)}) {
    const std::string name = index;
    client.sends("FT.AGGREGATE " + name + " * WITHCURSOR");
    node(number).expects("FT.AGGREGATE " + name + " * WITHCURSOR").replies(kOk);
    client.receives(kOk);
    other.sends("FT.CURSOR READ " + name + " 7");
    node(number).expects("FT.CURSOR READ " + name + " 7").replies(kOk);
    other.receives(kOk);
  }
  // What a cursor has told it does not tell again.
  config.writeOnLostLink = config::WriteOnLostLink::Error;
  other.sends("FT.CURSOR READ a 7");
  node(1).expects("FT.CURSOR READ a 7").connection().reset();
  other.receives(kAmbiguous);
  client.sends("FT.CURSOR");
  settle();
  for (std::size_t i = 1; i <= kNodes; ++i) {
    if (node(i).unexpected() > 0) node(i).expectsAny().replies("-ERR wrong\r\n");
  }
  client.receives("-ERR wrong\r\n");
}

TEST_CASE_METHOD(Learned, "a request under way keeps its table, which goes when the request is done") {
  config.suspectAfter = 10s;  // it has not been at it for long, and may be repeated
  learns({"new 2; readonly; 1 1 1; @read;"});
  client.sends("NEW a");
  const Received sent = node(1).expects("NEW a");
  std::weak_ptr<const protocol::CommandTable> old;
  {
    const auto next = tableWith({});
    old = next;
    worker().setCommands(next);
  }
  client.sends("GET d");
  const Received get = node(1).expects("GET d");
  learns({});
  clock.advance(2s);
  CHECK_FALSE(old.expired());
  node(1).resets();  // both may be sent again: their specs say so
  node(1).expects("NEW a").replies(bulk("1"));
  node(1).expects("GET d").replies(bulk("2"));
  client.receives(bulk("1") + bulk("2"));
  clock.advance(2s);
  CHECK(old.expired());
}

TEST_CASE_METHOD(Learned, "a node is asked for the keys, and their owner gets the command") {
  learnsOdd();
  client.sends("ODD x b");
  node(1).expects("COMMAND GETKEYS ODD x b").replies(keys({"b"}));
  node(2).expects("ODD x b").replies(bulk("1"));
  client.receives(bulk("1"));
}

TEST_CASE_METHOD(Learned, "what the client sends behind it waits for the keys") {
  learnsOdd();
  client.sends({"SET b 1", "ODD x b", "SET b 2"});
  const Received first = node(2).expects("SET b 1");
  const Received question = node(1).expects("COMMAND GETKEYS ODD x b");
  node(2).expectsNothing();
  question.replies(keys({"b"}));
  const Received odd = node(2).expects("ODD x b");
  const Received second = node(2).expects("SET b 2");
  first.replies(kOk);
  odd.replies(bulk("1"));
  second.replies(kOk);
  client.receives(std::string(kOk) + bulk("1") + std::string(kOk));
}

TEST_CASE_METHOD(Learned, "keys of different slots are refused") {
  learnsOdd();
  client.sends("ODD a b");
  node(1).expects("COMMAND GETKEYS ODD a b").replies(keys({"a", "b"}));
  client.receives("-CROSSSLOT Keys in request don't hash to the same slot\r\n");
}

TEST_CASE_METHOD(Learned, "a node that sees no keys leaves the command to any node") {
  learnsOdd();
  client.sends("ODD x");
  node(1).expects("COMMAND GETKEYS ODD x").replies("-ERR The command has no key arguments\r\n");
  node(2).expects("ODD x").replies(kOk);
  client.receives(kOk);
}

TEST_CASE_METHOD(Learned, "in a mapped database what the facts tell for certain is no matter of looks") {
  config.databases = 2;
  config.databaseLayout = {{1, 1, config::DatabaseLayout::Pinned, "a"}};
  learns(
      {"odd -2; write module movablekeys; 1 1 1; ; ; RO access: index 1: range 0 1 0"
       "; OW update incomplete: keyword TO 2: range 0 1 0"});
  client.sends({"SELECT 1", "ODD a a a TO d TO e"});
  node(1).expects("COMMAND GETKEYS ODD a a a TO d TO e").replies(keys({"a", "e"}));
  node(1).expects("ODD ~1{a}a a a TO d TO ~1{a}e").replies(kOk);
  client.receives("+OK\r\n" + std::string(kOk));
  client.sends("ODD a e e TO d TO e");
  node(2).expects("COMMAND GETKEYS ODD a e e TO d TO e").replies(keys({"a", "e"}));
  CHECK(client.takes().starts_with("-ERR Which arguments of this command are its keys cannot be told"));
}

TEST_CASE_METHOD(Learned, "a node that may not say leaves it to the facts") {
  learns({"odd -1; readonly module movablekeys; 2 2 1; ;"});
  client.sends("ODD x c");
  node(1).expects("COMMAND GETKEYS ODD x c").replies("-NOPERM this user has no permissions\r\n");
  node(3).expects("ODD x c").replies(kOk);
  client.receives(kOk);
}

TEST_CASE_METHOD(Learned, "a question whose link breaks, or whose node is loading, is asked again") {
  learnsOdd();
  client.sends("ODD x b");
  node(1).expects("COMMAND GETKEYS ODD x b");
  node(1).refusesConnections();
  node(1).resets();
  clock.advance(50ms);
  node(2).expects("COMMAND GETKEYS ODD x b").replies("-LOADING Redis is loading the dataset in memory\r\n");
  clock.advance(50ms);
  node(3).expects("COMMAND GETKEYS ODD x b").replies(keys({"b"}));
  node(2).expects("ODD x b").replies(kOk);
  client.receives(kOk);
}

TEST_CASE_METHOD(Learned, "a question that nobody can be asked fails when its time is up") {
  for (std::size_t i = 1; i <= kNodes; ++i) node(i).refusesConnections();
  learnsOdd();
  client.sends({"ODD x b", "PING"});
  clock.advance(config.holdTimeout - 1ms);
  client.receivesNothing();
  clock.advance(100ms);
  client.receives("-CLUSTERDOWN No node can be asked for the keys of this command\r\n+PONG\r\n");
}

TEST_CASE_METHOD(Learned, "a client may leave while its question is out") {
  learnsOdd();
  client.sends({"GET c", "ODD x b"});
  const Received get = node(3).expects("GET c");
  const Received question = node(1).expects("COMMAND GETKEYS ODD x b");
  client.resets();
  get.replies(bulk("1"));  // cannot be written
  question.replies(keys({"b"}));
  node(2).expectsNothing();
  other.sends("ODD x c");
  node(2).expects("COMMAND GETKEYS ODD x c").replies(keys({"c"}));
  node(3).expects("ODD x c").replies(kOk);
  other.receives(kOk);
}

TEST_CASE_METHOD(Learned, "a transaction asks for keys while it is queued") {
  learnsOdd();
  client.sends({"MULTI", "ODD x b", "EXEC"});
  client.receives("+OK\r\n");
  node(1).expects("COMMAND GETKEYS ODD x b").replies(keys({"b"}));
  client.receives("+QUEUED\r\n");
  const Received multi = node(2).expects("MULTI");
  const Received odd = node(2).expects("ODD x b");
  const Received exec = node(2).expects("EXEC");
  multi.replies(kOk);
  odd.replies("+QUEUED\r\n");
  exec.replies("*1\r\n" + bulk("1"));
  client.receives("*1\r\n" + bulk("1"));
}

TEST_CASE_METHOD(Learned,
                 "an answer to a request that a new table knows better is not used for another one") {
  learnsOdd();
  client.sends({"ODD x b", "ODD y c"});
  const Received question = node(1).expects("COMMAND GETKEYS ODD x b");
  learns({"odd -1; readonly module; 1 1 1; ;"});
  learnsOdd();
  question.replies(keys({"b"}));
  node(2).expects("ODD x b").replies(bulk("1"));
  node(2).expects("COMMAND GETKEYS ODD y c").replies(keys({"c"}));
  node(3).expects("ODD y c").replies(bulk("2"));
  client.receives(bulk("1") + bulk("2"));
}

TEST_CASE_METHOD(Learned, "COMMAND GETKEYS of such a command is a node's to answer") {
  learnsOdd();
  client.sends("COMMAND GETKEYS ODD x b");
  node(1).expects("COMMAND GETKEYS ODD x b").replies(keys({"b"}));
  client.receives(keys({"b"}));
  client.sends("COMMAND GETKEYS GET a");
  client.receives(keys({"a"}));
}

TEST_CASE_METHOD(Learned, "what MULTI has queued is run by EXEC whatever tables have come since") {
  const auto smaller = [](std::initializer_list<std::string_view> gone) {
    std::vector<protocol::CommandSpec> facts = protocol::builtInFacts();
    std::erase_if(facts, [&](const protocol::CommandSpec& spec) {
      return std::find(gone.begin(), gone.end(), spec.name) != gone.end();
    });
    return std::make_shared<const protocol::CommandTable>(std::move(facts));
  };
  // Fewer ids, without those that are queued; then others; and then hardly any.
  const std::shared_ptr<const protocol::CommandTable> tables[] = {
      smaller({"latency", "echo", "time", "role"}), tableWith({"new 2; readonly; 1 1 1; @read;"}),
      std::make_shared<const protocol::CommandTable>(std::vector<protocol::CommandSpec>{
          *protocol::parseFactLine("exec 1; noscript loading stale; 0 0 0; @slow @transaction;"),
          *protocol::parseFactLine("get 2; readonly fast; 1 1 1; @read;")})};
  for (const bool forwards : {false, true}) {
    for (std::size_t replaced = 1; replaced <= std::size(tables); ++replaced) {
      CAPTURE(forwards, replaced);
      worker().setCommands(tableWith({}));
      client.sends({"MULTI", "CLIENT ID", "PING", "ECHO x", "ROLE", "LATENCY HISTOGRAM nosuch"});
      client.receives("+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n");
      if (forwards) {
        client.sends("GET a");
        client.receives("+QUEUED\r\n");
      }
      for (std::size_t i = 0; i < replaced; ++i) {
        worker().setCommands(tables[i]);
        clock.advance(2s);
      }
      client.sends("EXEC");
      const std::string local =
          ":1\r\n+PONG\r\n" + bulk("x") + "*3\r\n" + bulk("master") + ":0\r\n*0\r\n*0\r\n";
      if (!forwards) {
        client.receives("*5\r\n" + local);
        continue;
      }
      const Received multi = node(1).expects("MULTI");
      node(1).expects("GET a");
      const Received exec = node(1).expects("EXEC");
      multi.replies("+OK\r\n+QUEUED\r\n");
      worker().setCommands(tableWith({}));  // EXEC itself is of a table that is gone
      worker().setCommands(tables[0]);
      clock.advance(2s);
      exec.replies("*1\r\n" + bulk("1"));
      client.receives("*6\r\n" + local + bulk("1"));
    }
  }
}

TEST_CASE_METHOD(Learned, "the only command of a transaction keeps its table, too") {
  config.suspectAfter = 10s;  // it has not been at it for long, and may be repeated
  client.sends({"MULTI", "MGET a b"});
  client.receives("+OK\r\n+QUEUED\r\n");
  learns({"new 2; readonly; 1 1 1; @read;"});
  learns({});
  client.sends("EXEC");
  node(1).expects("MGET a").replies("*1\r\n" + bulk("1"));
  const Received b = node(2).expects("MGET b");
  learns({"new 2; readonly; 1 1 1; @read;"});
  learns({});
  clock.advance(2s);
  node(2).resets();
  node(2).expects("MGET b").replies("*1\r\n" + bulk("2"));
  client.receives("*1\r\n*2\r\n" + bulk("1") + bulk("2"));
}

TEST_CASE_METHOD(Learned, "what a server tells to be about the cluster is masked, also when it is new") {
  std::vector<protocol::CommandSpec> facts = protocol::builtInFacts();
  facts.push_back(*protocol::parseFactLine(
      "clusterscan -2; readonly; 1 1 1; @keyspace @read @slow; request_policy:special "
      "response_policy:special; not_key: index 1: range 0 1 0"));
  facts.back().group = "cluster";
  worker().setCommands(std::make_shared<const protocol::CommandTable>(std::move(facts)));
  const std::string disabled = "-ERR This instance has cluster support disabled\r\n";
  client.sends({"CLUSTERSCAN 0", "CLUSTER SLOTS", "MULTI", "CLUSTERSCAN 0", "EXEC"});
  client.receives(disabled + disabled + "+OK\r\n+QUEUED\r\n*1\r\n" + disabled);
}

}  // namespace slotless::test
