// Keyspace notifications and MONITOR where databases have keys of their own names in the cluster.
#include <algorithm>
#include <vector>

#include "stage.h"

namespace slotless::test {

namespace {

// Database 1 is in the slot of a, database 2 in that of b; 3 is spread. Of the names used here, `*` is at
// home at node 1.
struct Keyspace : Stage {
  Keyspace() {
    using config::DatabaseLayout;
    config.databases = 16;
    config.databaseLayout = {{1, 1, DatabaseLayout::Pinned, "a"},
                             {2, 2, DatabaseLayout::Pinned, "b"},
                             {3, 3, DatabaseLayout::Spread, ""}};
  }

  struct Ask {
    std::size_t node;
    Received received;
    const std::string& name() const { return received.words()[1]; }
    void confirm() const { received.replies(notice(received.words()[0], name(), 1)); }
  };
  // What has arrived at the nodes, unanswered.
  std::vector<Ask> asked() {
    settle();
    std::vector<Ask> all;
    for (std::size_t number = 1; number <= kNodes; ++number) {
      while (node(number).unexpected() > 0) all.push_back({number, node(number).expectsAny()});
    }
    return all;
  }
  // Confirms it, and tells what it was: "1 subscribe x, …".
  std::string confirmAll() {
    std::string all;
    for (const Ask& ask : asked()) {
      ask.confirm();
      all += (all.empty() ? "" : ", ") + std::to_string(ask.node) + " " + ask.received.words()[0] + " " +
             ask.name();
    }
    return all;
  }
  // The same where every master is asked the same.
  static std::string everywhere(const std::string& command) {
    return "1 " + command + ", 2 " + command + ", 3 " + command;
  }
  // Who is subscribed already; what the nodes hear is not looked at.
  void subscribes(FakeClient& who, std::string_view word, std::string_view name, int count = 1) {
    who.sends(std::string(word) + " " + std::string(name));
    confirmAll();
    who.receives(notice(word, name, count));
  }
};

}  // namespace

TEST_CASE_METHOD(Keyspace, "a channel about a key of a mapped database is listened to under its name there") {
  client.sends("SUBSCRIBE __keyspace@1__:foo");
  std::size_t home = 0;
  std::size_t sources = 0;
  for (const Ask& ask : asked()) {
    client.receivesNothing();
    if (ask.name() == "__keyspace@1__:foo") {
      home = ask.node;
    } else {
      CHECK(ask.name() == "__keyspace@0__:~1{a}foo");
      ++sources;
    }
    ask.confirm();
  }
  CHECK(sources == kNodes);
  client.receives(notice("subscribe", "__keyspace@1__:foo", 1));
  node(1).pushes(message("__keyspace@0__:~1{a}foo", "set"));
  client.receives(message("__keyspace@1__:foo", "set"));
  client.sends("UNSUBSCRIBE");
  client.receives(notice("unsubscribe", "__keyspace@1__:foo", 0));
  for (std::size_t i = 1; i <= kNodes; ++i) {
    if (i == home) node(i).expects("unsubscribe __keyspace@1__:foo");
    node(i).expects("unsubscribe __keyspace@0__:~1{a}foo");
  }
}

TEST_CASE_METHOD(Keyspace, "events of one database are told from those of others by the key") {
  subscribes(client, "subscribe", "__keyevent@1__:del");
  other.sends("SUBSCRIBE __keyevent@0__:del __keyevent@3__:del");
  confirmAll();
  other.receives(notice("subscribe", "__keyevent@0__:del", 1) + notice("subscribe", "__keyevent@3__:del", 2));
  node(1).pushes(message("__keyevent@0__:del", "~1{a}foo"));
  client.receives(message("__keyevent@1__:del", "foo"));
  other.receivesNothing();
  node(2).pushes(message("__keyevent@0__:del", "~3:foo"));
  other.receives(message("__keyevent@3__:del", "foo"));
  node(3).pushes(message("__keyevent@0__:del", "foo"));
  other.receives(message("__keyevent@0__:del", "foo"));
  node(2).pushes(message("__keyevent@0__:del", "~9{zz}x"));
  client.receivesNothing();
  other.receivesNothing();
}

TEST_CASE_METHOD(Keyspace, "a pattern with a database's number is asked for with the database's prefix") {
  client.sends("PSUBSCRIBE __keyspace@1__:user*");
  const std::string asked = confirmAll();
  for (const std::string each : {"1", "2", "3"})
    CHECK(asked.find(each + " psubscribe __keyspace@0__:~1{a}user*") != std::string::npos);
  client.receives(notice("psubscribe", "__keyspace@1__:user*", 1));
  node(1).pushes(patternMessage("__keyspace@0__:~1{a}user*", "__keyspace@0__:~1{a}user1", "set"));
  client.receives(patternMessage("__keyspace@1__:user*", "__keyspace@1__:user1", "set"));
}

TEST_CASE_METHOD(Keyspace, "events of all databases are asked for as the client does") {
  client.sends("PSUBSCRIBE __keyevent@*__:expired");
  CHECK(confirmAll() == everywhere("psubscribe __keyevent@*__:expired"));
  client.receives(notice("psubscribe", "__keyevent@*__:expired", 1));
  for (const std::string_view key : {"~1{a}x", "~2{b}x", "x"})
    node(2).pushes(patternMessage("__keyevent@*__:expired", "__keyevent@0__:expired", key));
  client.receives(patternMessage("__keyevent@*__:expired", "__keyevent@1__:expired", "x") +
                  patternMessage("__keyevent@*__:expired", "__keyevent@2__:expired", "x") +
                  patternMessage("__keyevent@*__:expired", "__keyevent@0__:expired", "x"));
}

TEST_CASE_METHOD(Keyspace, "database 0's subscribers hear nothing of other databases' keys") {
  client.sends("PSUBSCRIBE __keyspace@0__:*");
  CHECK(confirmAll() == everywhere("psubscribe __keyspace@0__:*"));
  client.receives(notice("psubscribe", "__keyspace@0__:*", 1));
  other.sends("SUBSCRIBE __keyspace@0__:~1{a}x");
  CHECK(confirmAll() == everywhere("subscribe __keyspace@0__:~1{a}x"));
  other.receives(notice("subscribe", "__keyspace@0__:~1{a}x", 1));
  node(1).pushes(patternMessage("__keyspace@0__:*", "__keyspace@0__:~1{a}x", "set"));
  node(1).pushes(message("__keyspace@0__:~1{a}x", "set"));
  client.receivesNothing();
  other.receivesNothing();
  node(1).pushes(patternMessage("__keyspace@0__:*", "__keyspace@0__:a", "set"));
  client.receives(patternMessage("__keyspace@0__:*", "__keyspace@0__:a", "set"));
}

TEST_CASE_METHOD(Keyspace, "a general pattern gets notifications translated, and ordinary messages once") {
  client.sends("PSUBSCRIBE *");
  std::size_t home = 0;
  for (const Ask& ask : asked()) {
    home = ask.name() == "*" ? ask.node : home;
    ask.confirm();
  }
  client.receives(notice("psubscribe", "*", 1));
  REQUIRE(home > 0);
  node(home).pushes(patternMessage("*", "news", "x"));
  client.receives(patternMessage("*", "news", "x"));
  // What the home sends twice is delivered once.
  node(home).pushes(patternMessage("*", "__keyspace@0__:~1{a}x", "set") +
                    patternMessage("__keyspace@0__:*", "__keyspace@0__:~1{a}x", "set") +
                    patternMessage("*", "__keyevent@0__:set", "~1{a}x") +
                    patternMessage("__keyevent@0__:*", "__keyevent@0__:set", "~1{a}x"));
  client.receives(patternMessage("*", "__keyspace@1__:x", "set") +
                  patternMessage("*", "__keyevent@1__:set", "x"));
  node(3).pushes(patternMessage("__keyspace@0__:*", "__keyspace@0__:c", "set"));
  client.receives(patternMessage("*", "__keyspace@0__:c", "set"));
}

TEST_CASE_METHOD(Keyspace, "each topic that matches gets a notification once, with its own fields") {
  subscribes(client, "psubscribe", "__key*@*__:*");
  subscribes(client, "psubscribe", "__keyspace@1__:*", 2);
  subscribes(client, "psubscribe", "__keyspace@2__:*", 3);
  subscribes(other, "psubscribe", "__keyspace@*__:x");
  node(1).pushes(patternMessage("__keyspace@0__:*", "__keyspace@0__:~1{a}x", "set"));
  node(1).pushes(patternMessage("__keyspace@0__:~1{a}*", "__keyspace@0__:~1{a}x", "set"));
  client.receives(patternMessage("__key*@*__:*", "__keyspace@1__:x", "set") +
                  patternMessage("__keyspace@1__:*", "__keyspace@1__:x", "set"));
  other.receives(patternMessage("__keyspace@*__:x", "__keyspace@1__:x", "set"));
  node(1).pushes(patternMessage("__keyspace@0__:*", "__keyspace@0__:~1{a}y", "set"));
  client.receives(patternMessage("__key*@*__:*", "__keyspace@1__:y", "set"));
  other.receivesNothing();
}

TEST_CASE_METHOD(Keyspace, "what feeds two topics stays as long as one of them") {
  subscribes(client, "subscribe", "__keyevent@1__:del");
  subscribes(other, "subscribe", "__keyevent@0__:del");
  other.sends("UNSUBSCRIBE");
  other.receives(notice("unsubscribe", "__keyevent@0__:del", 0));
  for (std::size_t i = 1; i <= kNodes; ++i) node(i).expectsNothing();
  node(1).pushes(message("__keyevent@0__:del", "~1{a}foo") + message("__keyevent@0__:del", "a"));
  client.receives(message("__keyevent@1__:del", "foo"));
}

TEST_CASE_METHOD(Keyspace, "notifications are pushes in RESP3") {
  client.sends("HELLO 3");
  client.takes();
  client.sends("PSUBSCRIBE __keyspace@1__:*");
  confirmAll();
  client.takes();
  node(1).pushes(patternMessage("__keyspace@0__:~1{a}*", "__keyspace@0__:~1{a}x", "set"));
  client.receives(patternMessage("__keyspace@1__:*", "__keyspace@1__:x", "set", '>'));
}

TEST_CASE_METHOD(Keyspace, "a lost source of notifications is a gap, and is made again") {
  subscribes(client, "psubscribe", "__keyevent@*__:expired");
  node(2).resets();
  CHECK(metrics().pubsubGaps.value() == 1);
  clock.advance(1s);
  CHECK(confirmAll() == "2 psubscribe __keyevent@*__:expired");
  node(2).pushes(patternMessage("__keyevent@*__:expired", "__keyevent@0__:expired", "~2{b}x"));
  client.receives(patternMessage("__keyevent@*__:expired", "__keyevent@2__:expired", "x"));
}

TEST_CASE_METHOD(Keyspace, "masters that join are listened to") {
  subscribes(client, "psubscribe", "__keyspace@1__:*");
  addNode(4);
  node(4)
      .expects("psubscribe __keyspace@0__:~1{a}*")
      .replies(notice("psubscribe", "__keyspace@0__:~1{a}*", 1));
  node(4).pushes(patternMessage("__keyspace@0__:~1{a}*", "__keyspace@0__:~1{a}x", "set"));
  client.receives(patternMessage("__keyspace@1__:*", "__keyspace@1__:x", "set"));
}

TEST_CASE_METHOD(Keyspace, "a source that a node forbids refuses the subscription") {
  client.sends({"SUBSCRIBE __keyevent@1__:del", "PING"});
  const std::string forbidden =
      "-NOPERM this user has no permissions to access one of the channels used as arguments\r\n";
  const std::vector<Ask> asks = asked();
  const auto source = std::find_if(asks.begin(), asks.end(),
                                   [](const Ask& ask) { return ask.name() == "__keyevent@0__:del"; });
  REQUIRE(source != asks.end());
  source->received.replies(forbidden);
  client.receives(forbidden + "+PONG\r\n");
  // The others are given up.
  const std::vector<Ask> after = asked();
  CHECK(after.size() == asks.size() - 1);
  for (const Ask& ask : after) CHECK(ask.received.words()[0] == "unsubscribe");
}

TEST_CASE_METHOD(Keyspace, "PUBSUB shows what clients have subscribed to") {
  subscribes(client, "subscribe", "__keyevent@1__:del");
  subscribes(client, "psubscribe", "__keyspace@*", 2);
  other.sends("PUBSUB CHANNELS");
  const std::string own = bulk("__keyevent@1__:del");
  const std::string source = bulk("__keyevent@0__:del");
  node(1).expects("PUBSUB CHANNELS").replies("*2\r\n" + own + source);
  node(2).expects("PUBSUB CHANNELS").replies("*1\r\n" + source);
  node(3).expects("PUBSUB CHANNELS").replies("*2\r\n" + bulk("somebody's") + source);
  other.receives("*2\r\n" + own + bulk("somebody's"));
  other.sends("PUBSUB NUMPAT");
  for (std::size_t i = 1; i <= kNodes; ++i) {
    // One of them has the client's own as well.
    node(i).expects("PUBSUB NUMPAT").replies(i == 1 ? ":2\r\n" : ":1\r\n");
  }
  other.receives(":1\r\n");
  other.sends("PUBSUB NUMSUB __keyevent@0__:del __keyevent@1__:del");
  for (std::size_t i = 1; i <= kNodes; ++i) {
    node(i)
        .expects("PUBSUB NUMSUB __keyevent@0__:del __keyevent@1__:del")
        .replies("*4\r\n" + source + ":1\r\n" + own + (i == 1 ? ":1\r\n" : ":0\r\n"));
  }
  other.receives("*4\r\n" + source + ":0\r\n" + own + ":1\r\n");
}

TEST_CASE_METHOD(Keyspace, "MONITOR names keys and databases as clients do") {
  client.sends("MONITOR");
  for (std::size_t i = 1; i <= kNodes; ++i) node(i).expects("MONITOR").replies("+OK\r\n");
  client.receives("+OK\r\n");
  node(1).pushes("+1700000000.000001 [0 10.0.0.9:1] \"SET\" \"~1{a}foo\" \"1\"\r\n");
  client.receives("+1700000000.000001 [1 10.0.0.9:1] \"SET\" \"foo\" \"1\"\r\n");
  node(1).pushes("+1700000000.000001 [0 10.0.0.9:1] \"SET\" \"foo\" \"1\"\r\n");
  client.receives("+1700000000.000001 [0 10.0.0.9:1] \"SET\" \"foo\" \"1\"\r\n");
}

TEST_CASE_METHOD(Keyspace, "what the nodes tell of databases of their own is nobody's") {
  client.sends("PSUBSCRIBE __keyevent@*__:set");
  confirmAll();
  client.takes();
  node(1).pushes(patternMessage("__keyevent@*__:set", "__keyevent@1__:set", "x"));
  client.receivesNothing();
  node(1).pushes(patternMessage("__keyevent@*__:set", "__keyevent@0__:set", "~1{a}x"));
  client.receives(patternMessage("__keyevent@*__:set", "__keyevent@1__:set", "x"));
}

TEST_CASE_METHOD(Stage, "what the nodes tell of databases of their own is nobody's, with one database, too") {
  client.sends("PSUBSCRIBE __key*");
  settle();
  for (std::size_t number = 1; number <= kNodes; ++number)
    node(number).expects("psubscribe __key*").replies(notice("psubscribe", "__key*", 1));
  client.takes();
  node(2).pushes(patternMessage("__key*", "__keyspace@3__:x", "set"));
  client.receivesNothing();
  node(2).pushes(patternMessage("__key*", "__keyspace@0__:x", "set"));
  client.receives(patternMessage("__key*", "__keyspace@0__:x", "set"));
}

namespace {
// Clients call database 1 their 0.
struct MappedKeyspace : Keyspace {
  MappedKeyspace() { config.databaseMap = "1"; }
};
}  // namespace

TEST_CASE_METHOD(MappedKeyspace, "with a map notifications are about the client's numbers") {
  client.sends("SUBSCRIBE __keyspace@0__:foo");
  bool listens = false;
  for (const Ask& ask : asked()) {
    listens = listens || ask.name() == "__keyspace@0__:~1{a}foo";
    ask.confirm();
  }
  CHECK(listens);
  client.receives(notice("subscribe", "__keyspace@0__:foo", 1));
}

}  // namespace slotless::test
