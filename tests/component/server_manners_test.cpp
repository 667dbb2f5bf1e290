// What the proxy answers itself, as servers of different kinds and versions would.
#include <algorithm>

#include "batch.h"
#include "protocol/command_facts.h"
#include "protocol/command_table.h"

namespace slotless::test {

namespace {

constexpr std::string_view kDisabled = "-ERR This instance has cluster support disabled\r\n";

cluster::ServerIdentity identity(std::string product, std::vector<std::uint32_t> version) {
  cluster::ServerIdentity servers;
  servers.product = std::move(product);
  servers.version = std::move(version);
  return servers;
}

struct Served : Stage {
  // `forbidden`: commands that no transaction can have.
  void by(const cluster::ServerIdentity& servers, std::initializer_list<std::string_view> lines = {},
          std::initializer_list<std::string_view> forbidden = {}) {
    std::vector<protocol::CommandSpec> facts = protocol::builtInFacts();
    for (protocol::CommandSpec& spec : facts) {
      if (std::find(forbidden.begin(), forbidden.end(), spec.name) != forbidden.end())
        spec.flagNames.push_back("no_multi");
    }
    for (const std::string_view line : lines) facts.push_back(*protocol::parseFactLine(line));
    worker().setCommands(std::make_shared<const protocol::CommandTable>(std::move(facts)), servers);
    settle();
  }
  void byValkey9() { by(identity("valkey", {9, 1, 2}), {}, {"multi", "watch"}); }
};

// The ids of the clients that a CLIENT LIST shows.
std::string idsIn(const std::string& list) {
  std::string ids;
  for (std::size_t at = list.find("id="); at != std::string::npos; at = list.find("\nid=", at)) {
    at = list.find("id=", at) + 3;
    ids += list.substr(at, list.find(' ', at) - at) + " ";
  }
  return ids;
}

}  // namespace

TEST_CASE_METHOD(Served, "HELLO says what the servers say of themselves") {
  cluster::ServerIdentity servers = identity("valkey", {8, 1, 1});
  servers.announcedName = "valkey";
  servers.announcedVersion = "8.1.1";
  servers.modules = {{"lua", 1, "path", {"x"}}};
  by(servers);
  client.sends("HELLO 2");
  client.receives("*14\r\n" + bulk("server") + bulk("valkey") + bulk("version") + bulk("8.1.1") +
                  bulk("proto") + ":2\r\n" + bulk("id") + ":1\r\n" + bulk("mode") + bulk("standalone") +
                  bulk("role") + bulk("master") + bulk("modules") + "*1\r\n*8\r\n" + bulk("name") +
                  bulk("lua") + bulk("ver") + ":1\r\n" + bulk("path") + bulk("path") + bulk("args") +
                  "*1\r\n" + bulk("x"));
  client.sends("HELLO 3");
  CHECK(client.takes().ends_with(bulk("modules") + "*1\r\n%4\r\n" + bulk("name") + bulk("lua") + bulk("ver") +
                                 ":1\r\n" + bulk("path") + bulk("path") + bulk("args") + "*1\r\n" +
                                 bulk("x")));
}

TEST_CASE_METHOD(Served, "READONLY and READWRITE are taken where servers without cluster mode take them") {
  client.sends({"READONLY", "READWRITE"});
  client.receives(std::string(kDisabled) + std::string(kDisabled));
  by(identity("redis", {8, 0, 2}));
  client.sends("READONLY");
  client.receives(kDisabled);
  byValkey9();
  client.sends({"READONLY", "ASKING", "CLIENT INFO"});
  const std::string replies = client.takes();
  CHECK(replies.starts_with(std::string(kOk) + std::string(kDisabled)));
  CHECK(contains(replies, " flags=r "));
  client.sends({"READWRITE", "CLIENT INFO"});
  CHECK(contains(client.takes(), " flags=N "));
}

TEST_CASE_METHOD(Served, "MULTI inside MULTI spoils the transaction where the servers say so") {
  client.sends({"MULTI", "SET a 1", "MULTI", "WATCH a", "EXEC"});
  Batch(node(1), {"SET a 1"}).replies("*1\r\n+OK\r\n");
  client.receives(
      "+OK\r\n+QUEUED\r\n-ERR MULTI calls can not be nested\r\n"
      "-ERR WATCH inside MULTI is not allowed\r\n*1\r\n+OK\r\n");
  by(identity("valkey", {8, 1, 1}), {}, {"multi", "watch"});
  client.sends({"MULTI", "MULTI", "EXEC"});
  client.receives("+OK\r\n-ERR Command not allowed inside a transaction\r\n" +
                  aborted("-ERR Command not allowed inside a transaction\r\n"));
  byValkey9();
  client.sends({"MULTI", "WATCH a", "EXEC"});
  client.receives("+OK\r\n-ERR Command 'watch' not allowed inside a transaction\r\n" +
                  aborted("-ERR Command 'watch' not allowed inside a transaction\r\n"));
}

TEST_CASE_METHOD(Served, "CLIENT KILL takes the options that the servers take") {
  client.sends({"CLIENT KILL MAXAGE 1", "CLIENT KILL NAME x", "CLIENT KILL ID x"});
  client.receives("-ERR syntax error\r\n-ERR syntax error\r\n-ERR client-id should be greater than 0\r\n");
  by(identity("redis", {7, 4, 0}));
  client.sends({"CLIENT KILL MAXAGE 100", "CLIENT KILL MAXAGE 0", "CLIENT KILL MAXAGE x",
                "CLIENT KILL TYPE primary", "CLIENT KILL ID 8 9"});
  client.receives(
      ":0\r\n-ERR maxage should be greater than 0\r\n"
      "-ERR maxage is not an integer or out of range\r\n-ERR Unknown client type 'primary'\r\n"
      "-ERR syntax error\r\n");
  byValkey9();
  client.sends({"CLIENT KILL TYPE primary", "CLIENT KILL ID 8 9", "CLIENT KILL ID x", "CLIENT KILL NAME x",
                "CLIENT KILL FLAGS ?", "CLIENT KILL NOT-CAPA z", "CLIENT KILL IDLE -1",
                "CLIENT KILL NOT-MAXAGE 1"});
  client.receives(
      ":0\r\n:0\r\n-ERR syntax error\r\n:0\r\n"
      "-ERR Unknown flags found in the provided filter: ?\r\n"
      "-ERR Unknown capa found in the NOT-CAPA filter: z\r\n"
      "-ERR idle should be greater than 0\r\n-ERR syntax error\r\n");
  other.sends({"CLIENT SETNAME victim", "PING"});
  static_cast<void>(other.takes());
  client.sends("CLIENT KILL NAME victim NOT-ID 1");
  client.receives(":1\r\n");
  CHECK(other.isClosed());
}

TEST_CASE_METHOD(Served, "CLIENT LIST filters as the servers do") {
  client.sends("CLIENT LIST USER default");
  client.receives("-ERR syntax error\r\n");
  by(identity("valkey", {8, 1, 1}));
  client.sends({"CLIENT LIST NAME x", "CLIENT LIST NOT-ID 1"});
  client.receives("-ERR syntax error\r\n-ERR syntax error\r\n");
  other.sends({"CLIENT SETNAME named", "CLIENT NO-EVICT on"});
  static_cast<void>(other.takes());
  const auto shown = [&](const std::string& options) {
    client.sends("CLIENT LIST " + options);
    return idsIn(client.takes());
  };
  CHECK(shown("SKIPME yes") == "2 ");
  CHECK(shown("ID 2 1 USER default") == "1 2 ");
  CHECK(shown("ADDR 127.0.0.1:40002") == "2 ");
  byValkey9();
  struct Row {
    std::string options;
    std::string ids;
  };
  for (const Row& row : std::initializer_list<Row>{{"NAME named", "2 "},
                                                   {"NOT-NAME named", "1 "},
                                                   {"FLAGS e", "2 "},
                                                   {"NOT-FLAGS e", "1 "},
                                                   {"NOT-FLAGS eT", "1 2 "},
                                                   {"IP 127.0.0.1", "1 2 "},
                                                   {"NOT-IP 127.0.0.1", ""},
                                                   {"DB 0", "1 2 "},
                                                   {"NOT-ID 1", "2 "},
                                                   {"ID 1 ID 2", "1 2 "},
                                                   {"ID 1 2 NOT-TYPE pubsub", "1 2 "},
                                                   {"NOT-LIB-NAME x", "1 2 "},
                                                   {"CAPA r", ""},
                                                   {"IDLE 1", ""}}) {
    INFO(row.options);
    CHECK(shown(row.options) == row.ids);
  }
  client.sends({"CLIENT LIST DB 99", "CLIENT LIST USER nobody", "CLIENT LIST ID 0"});
  client.receives(
      "-ERR DB number should be between 0 and 0\r\n-ERR No such user 'nobody'\r\n"
      "-ERR client-id should be greater than 0\r\n");
}

TEST_CASE_METHOD(Served, "CLIENT LIST has the fields that the servers have") {
  client.sends("CLIENT INFO");
  const std::string old = client.takes();
  CHECK(contains(old, " lib-name= lib-ver=\n"));
  CHECK_FALSE(contains(old, " watch="));
  by(identity("redis", {8, 0, 2}));
  client.sends("CLIENT INFO");
  const std::string redis = client.takes();
  CHECK(contains(redis, " multi=-1 watch=0 qbuf="));
  CHECK(contains(redis, " lib-ver= io-thread=0\n"));
  by(identity("valkey", {9, 1, 2}));
  client.sends("CLIENT INFO");
  const std::string valkey = client.takes();
  CHECK(contains(valkey, " flags=N capa= db=0 "));
  CHECK(contains(valkey, " tot-cmds=2\n"));
  const std::string sent = request("CLIENT INFO");
  CHECK(contains(valkey, " tot-net-in=" + std::to_string(3 * sent.size()) +
                             " tot-net-out=" + std::to_string(old.size() + redis.size()) + " "));
}

TEST_CASE_METHOD(Served, "CLIENT CAPA and IMPORT-SOURCE are answered where the servers know them") {
  client.sends("CLIENT CAPA redirect");
  CHECK(client.takes().starts_with("-ERR unknown subcommand 'CAPA'"));
  std::vector<protocol::CommandSpec> facts = protocol::builtInFacts();
  for (protocol::CommandSpec& spec : facts) {
    if (spec.name != "client") continue;
    spec.subcommands.push_back(*protocol::parseFactLine("client|capa -3; noscript loading stale; 0 0 0; ;"));
    spec.subcommands.push_back(
        *protocol::parseFactLine("client|import-source 3; noscript loading stale; 0 0 0; ;"));
  }
  worker().setCommands(std::make_shared<const protocol::CommandTable>(std::move(facts)),
                       identity("valkey", {8, 1, 1}));
  client.sends({"CLIENT CAPA foo REDIRECT", "CLIENT IMPORT-SOURCE off", "CLIENT IMPORT-SOURCE on"});
  client.receives("+OK\r\n+OK\r\n-ERR Server is not in import mode\r\n");
  client.sends("CLIENT INFO");
  CHECK(contains(client.takes(), " capa=r "));
}

TEST_CASE_METHOD(Served, "COMMANDLOG keeps slow and large requests and large replies") {
  std::vector<protocol::CommandSpec> facts = protocol::builtInFacts();
  facts.push_back(*protocol::parseFactLine("commandlog -2; ; 0 0 0; ;"));
  for (const char* line : {"commandlog|get 4; admin; 0 0 0; ;", "commandlog|len 3; admin; 0 0 0; ;",
                           "commandlog|reset 3; admin; 0 0 0; ;"})
    facts.back().subcommands.push_back(*protocol::parseFactLine(line));
  worker().setCommands(std::make_shared<const protocol::CommandTable>(std::move(facts)),
                       identity("valkey", {8, 1, 1}));
  const std::string large(1024 * 1024, 'x');
  client.sends("SET a " + large);
  node(1).expectsAny().replies(kOk);
  client.receives(kOk);
  client.sends("GET a");
  node(1).expects("GET a").replies(bulk(large));
  CHECK(client.takes() == bulk(large));
  client.sends("MGET a b");
  node(1).expects("MGET a").replies("*1\r\n" + bulk(large));
  node(2).expects("MGET b").replies("*1\r\n$-1\r\n");
  static_cast<void>(client.takes());
  client.sends({"COMMANDLOG LEN slow", "COMMANDLOG LEN Large-Request", "COMMANDLOG LEN large-reply",
                "COMMANDLOG LEN x", "COMMANDLOG GET x slow", "COMMANDLOG GET 1 x"});
  constexpr std::string_view kTypes =
      "-ERR type should be one of the following: slow, large-request, large-reply\r\n";
  client.receives(":0\r\n:1\r\n:2\r\n" + std::string(kTypes) +
                  "-ERR count should be greater than or equal to -1\r\n" + std::string(kTypes));
  client.sends("COMMANDLOG GET -1 large-reply");
  const std::string replies = client.takes();
  CHECK(replies.starts_with("*2\r\n*6\r\n"));
  CHECK(contains(replies, "*3\r\n" + bulk("MGET") + bulk("a") + bulk("b")));
  CHECK(contains(replies, ":" + std::to_string(bulk(large).size()) + "\r\n*2\r\n" + bulk("GET") + bulk("a")));
  client.sends("COMMANDLOG GET 1 large-request");
  CHECK(contains(client.takes(), bulk(std::string(128, 'x') + "... (1048448 more bytes)")));
  client.sends(
      {"COMMANDLOG RESET large-reply", "COMMANDLOG LEN large-reply", "COMMANDLOG LEN large-request"});
  client.receives("+OK\r\n:0\r\n:1\r\n");
}

TEST_CASE_METHOD(Served, "the settings of COMMANDLOG are those of SLOWLOG by another name") {
  config.allowAdminCommands = true;
  client.sends("CONFIG SET commandlog-execution-slower-than 0");
  for (std::size_t i = 1; i <= kNodes; ++i) {
    node(i).expects("CONFIG SET commandlog-execution-slower-than 0").replies(kOk);
  }
  client.receives(kOk);
  client.sends({"PING", "SLOWLOG LEN"});
  client.receives("+PONG\r\n:2\r\n");  // CONFIG SET and PING
}

TEST_CASE_METHOD(Stage, "SLOWLOG shows commands as they were sent") {
  config.slowlogLogSlowerThan = 0;
  config.databases = 16;
  config.databaseLayout = {{1, 1, config::DatabaseLayout::Pinned, "a"}};
  client.sends({"SlowLog RESET", "mGet a b", "dbsize"});
  node(1).expects("mGet a").replies("*1\r\n$-1\r\n");
  node(2).expects("mGet b").replies("*1\r\n$-1\r\n");
  for (std::size_t i = 1; i <= kNodes; ++i) node(i).expectsAny().replies(":1\r\n");
  static_cast<void>(client.takes());
  client.sends({"SELECT 1", "Eval return 1 k", "KEYS *"});
  node(1).expectsAny().replies(":1\r\n");
  node(1).expectsAny().replies("*0\r\n");
  static_cast<void>(client.takes());
  client.sends("SLOWLOG GET -1");
  const std::string log = client.takes();
  CHECK(contains(log, "*2\r\n" + bulk("SlowLog") + bulk("RESET")));
  CHECK(contains(log, "*3\r\n" + bulk("mGet") + bulk("a") + bulk("b")));
  CHECK(contains(log, "*1\r\n" + bulk("dbsize")));
  CHECK(contains(log, "*4\r\n" + bulk("Eval") + bulk("return") + bulk("1") + bulk("k")));
  CHECK(contains(log, "*2\r\n" + bulk("KEYS") + bulk("*")));
}

TEST_CASE_METHOD(Stage, "ACL LOG has the logins that the proxy has refused, beside what nodes have") {
  config.allowAdminCommands = true;
  config.password = "secret";
  client.sends(
      {"AUTH secret", "AUTH bob wrong", "AUTH bob wrong", "MULTI", "HELLO 2 AUTH eve wrong", "EXEC"});
  clock.advance(1s);
  static_cast<void>(client.takes());
  const std::string nodes = "*1\r\n*14\r\n" + bulk("count") + ":1\r\n" + bulk("reason") + bulk("key") +
                            bulk("context") + bulk("toplevel") + bulk("object") + bulk("k") +
                            bulk("username") + bulk("u") + bulk("age-seconds") + bulk("999") +
                            bulk("client-info") + bulk("id=7");
  client.sends("ACL LOG");
  node(1).expects("ACL LOG").replies("*0\r\n");
  node(2).expects("ACL LOG").replies(nodes);
  node(3).expects("ACL LOG").replies("*0\r\n");
  const std::string log = client.takes();
  CHECK(log.starts_with("*3\r\n*14\r\n"));
  const auto eve = log.find(":1\r\n" + bulk("reason") + bulk("auth") + bulk("context") + bulk("multi") +
                            bulk("object") + bulk("HELLO") + bulk("username") + bulk("eve"));
  const auto bob = log.find(":2\r\n" + bulk("reason") + bulk("auth") + bulk("context") + bulk("toplevel") +
                            bulk("object") + bulk("AUTH") + bulk("username") + bulk("bob"));
  const auto node = log.find(bulk("id=7"));
  REQUIRE(eve != std::string::npos);
  REQUIRE(bob != std::string::npos);
  CHECK(eve < bob);
  CHECK(bob < node);
  CHECK_FALSE(contains(log, "wrong"));
  CHECK(contains(log, "addr=127.0.0.1:40001"));
  client.sends("ACL LOG 1");
  for (std::size_t i = 1; i <= kNodes; ++i) this->node(i).expects("ACL LOG 1").replies("*0\r\n");
  CHECK(client.takes().starts_with("*1\r\n"));
  client.sends("ACL LOG RESET");
  for (std::size_t i = 1; i <= kNodes; ++i) this->node(i).expects("ACL LOG RESET").replies(kOk);
  client.receives(kOk);
  client.sends("ACL LOG");
  for (std::size_t i = 1; i <= kNodes; ++i) this->node(i).expects("ACL LOG").replies("*0\r\n");
  client.receives("*0\r\n");
}

TEST_CASE("DEBUG ERROR says to its client what it is told to say, whatever that would mean of a node") {
  const std::pair<std::string_view, std::string_view> said[] = {
      {"LOADING fake\r\nmessage", "-LOADING fake  message\r\n"},
      {"-OOM text", "--OOM text\r\n"},
      {"MOVED 1 127.0.0.1:1", "-MOVED 1 127.0.0.1:1\r\n"},
      {"CROSSSLOT Keys in request don't hash to the same slot",
       "-CROSSSLOT Keys in request don't hash to the same slot\r\n"},
      {"", "-\r\n"},
  };
  for (const std::string_view hello : {"HELLO 2", "HELLO 3"}) {
    Stage stage;
    stage.config.allowAdminCommands = true;
    stage.client.sends(hello);
    stage.client.takes();
    for (const auto& [text, line] : said) {
      INFO(text);
      stage.client.sendsBytes(request(Words{"DEBUG", "error", std::string(text)}));
      stage.client.receives(line);
    }
    for (std::size_t i = 1; i <= kNodes; ++i) stage.node(i).expectsNothing();
  }
}

TEST_CASE("of one server DEBUG ERROR is answered by the proxy, too") {
  Stage stage;
  stage.config.allowAdminCommands = true;
  stage.config.upstream = config::Upstream::Single;
  stage.client.sendsBytes(request(Words{"DEBUG", "ERROR", "READONLY no"}));
  stage.client.receives("-READONLY no\r\n");
}

TEST_CASE_METHOD(Stage, "in a transaction DEBUG ERROR's error stands in its place") {
  config.allowAdminCommands = true;
  client.sends({"MULTI", "SET a 1"});
  client.sendsBytes(request(Words{"DEBUG", "ERROR", "LOADING no"}));
  client.sends({"GET a", "EXEC", "MULTI"});
  client.sendsBytes(request(Words{"DEBUG", "ERROR", "-x"}));
  client.sends("EXEC");
  Batch(node(1), {"SET a 1", "GET a"}).replies("*2\r\n+OK\r\n" + bulk("1"));
  client.receives("+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*3\r\n+OK\r\n-LOADING no\r\n" + bulk("1") +
                  "+OK\r\n+QUEUED\r\n*1\r\n--x\r\n");
}

TEST_CASE_METHOD(Stage, "DEBUG ERROR wants what DEBUG wants") {
  const std::string denied =
      "-ERR 'debug' administers a server: Slotless refuses it unless allow-admin-commands is set\r\n";
  client.sends({"DEBUG ERROR no", "MULTI", "DEBUG ERROR no", "EXEC"});
  client.receives(denied + "+OK\r\n" + denied + aborted(denied));
}

TEST_CASE_METHOD(Stage, "what is wrong with DEBUG ERROR a node says") {
  config.allowAdminCommands = true;
  client.sends("DEBUG ERROR");
  for (std::size_t i = 1; i <= kNodes; ++i) node(i).expects("DEBUG ERROR").replies("-ERR unknown\r\n");
  client.receives("-ERR unknown\r\n");
}

}  // namespace slotless::test
