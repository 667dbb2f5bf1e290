// What is read of the texts of servers.
#include "proxy/doctor/facts.h"

#include "catch.h"
#include "proxy/doctor/contact.h"

namespace slotless::doctor {
namespace {

TEST_CASE("A line of CLUSTER NODES is read with all that the checks need") {
  const auto peers = parsePeers(
      "aaa 10.0.0.1:6379@16379,node-1 myself,master - 0 0 7 connected 0-5 7 [93->-bbb] [94-<-ccc]\r\n"
      "bbb 10.0.0.2:6379@16379 slave,fail? aaa 1700 0 7 disconnected\n"
      "ccc :0@0 master,noaddr,fail - 0 0 1 disconnected\n"
      "ddd [fe80::1]:1@10001 handshake - 0 0 0 connected\n"
      "half a line\n");
  REQUIRE(peers.size() == 4);
  CHECK(peers[0].address == net::Address{"10.0.0.1", 6379});
  CHECK(peers[0].busPort == 16379);
  CHECK(peers[0].hostname == "node-1");
  CHECK((peers[0].myself && peers[0].master && peers[0].linkUp && peers[0].masterId.empty()));
  CHECK(peers[0].epoch == 7);
  CHECK(peers[0].slots == std::vector<SlotRun>{{0, 5}, {7, 7}});
  CHECK(peers[0].open == std::vector<OpenSlot>{{93, false, "bbb"}, {94, true, "ccc"}});
  CHECK((peers[1].suspected && !peers[1].failed && !peers[1].master && !peers[1].linkUp));
  CHECK(peers[1].masterId == "aaa");
  CHECK(peers[1].pingSentUnixMillis == 1700);
  CHECK((peers[2].failed && peers[2].address.host.empty()));
  CHECK(peers[3].handshake);
}

TEST_CASE("Metadata behind an address are no host name") {
  const auto peers = parsePeers("aaa 10.0.0.1:6379@16379,shard-id=x master - 0 0 1 connected 0\n");
  REQUIRE(peers.size() == 1);
  CHECK(peers[0].hostname.empty());
}

TEST_CASE("Lines of INFO are read as names and values") {
  const Texts texts = parseLines("# Server\r\nredis_version:7.0.15\r\nconfig_file:\r\n\r\na:b:c\r\n");
  CHECK(texts == Texts{{"redis_version", "7.0.15"}, {"config_file", ""}, {"a", "b:c"}});
}

TEST_CASE("Long lists of slots are cut") {
  CHECK(shownRuns({{0, 5}, {7, 7}}) == "0-5,7");
  CHECK(shownRuns({{0, 0}, {2, 2}, {4, 4}}, 2) == "0,2,…");
}

TEST_CASE("What a failed attempt means is told by its words") {
  CHECK(contactOf("Connection refused") == Contact::NoConnection);
  CHECK(contactOf("no answer in time") == Contact::NoConnection);
  CHECK(contactOf("no answer for 3000 ms") == Contact::NoAnswer);
  CHECK(contactOf("TLS: no answer in time") == Contact::NoAnswer);
  CHECK(contactOf("ERR max number of clients reached") == Contact::NoAnswer);
  CHECK(contactOf("TLS: wrong version number") == Contact::NoTls);
  CHECK(contactOf("WRONGPASS invalid username-password pair or user is disabled.") == Contact::LoginRefused);
  CHECK(contactOf("ERR invalid password") == Contact::LoginRefused);
  CHECK(contactOf("ERR AUTH <password> called without any password configured for the default user") ==
        Contact::LoginUnwanted);
  CHECK(contactOf("NOAUTH Authentication required.") == Contact::LoginMissing);
  CHECK(contactOf("BUSY Redis is busy running a script.") == Contact::Busy);
  CHECK(contactOf("LOADING Redis is loading the dataset in memory") == Contact::Loading);
  CHECK(contactOf("ERR This instance has cluster support disabled") == Contact::NoCluster);
  CHECK(contactOf("what it answers is not RESP") == Contact::Odd);
}

}  // namespace
}  // namespace slotless::doctor
