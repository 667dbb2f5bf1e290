// What proxies say of themselves, for a cut-over that is to find them.
#include "proxy/migrate/announcement.h"

#include <initializer_list>
#include <set>
#include <string>
#include <vector>

#include "catch.h"
#include "config/listener.h"
#include "proxy/migrate/own_address.h"
#include "proxy/migrate/peer_list.h"

namespace slotless::migrate {
namespace {

config::Config listening(std::initializer_list<const char*> listeners) {
  config::Config config;
  config.listen.clear();
  for (const char* each : listeners) config.listen.push_back(*config::parseListen(each).value);
  return config;
}

using Texts = std::vector<std::string>;

TEST_CASE("a console is where clients are accepted of whom nothing else is expected") {
  CHECK(consolesOf(listening({"127.0.0.1:7379", "[::1]:1", ":2"})) ==
        Texts{"redis://127.0.0.1:7379", "redis://[::1]:1", "redis://*:2"});
  CHECK(consolesOf(listening({"unix:/run/socket", "127.0.0.1:0"})).empty());
  CHECK(consolesOf(listening({"127.0.0.1:1?tls=yes", "127.0.0.1:2?proxy-protocol=yes"})) ==
        Texts{"rediss://127.0.0.1:1"});
  config::Config behind = listening({"127.0.0.1:1", "127.0.0.1:2?proxy-protocol=no"});
  behind.proxyProtocol = true;
  CHECK(consolesOf(behind) == Texts{"redis://127.0.0.1:2"});
}

TEST_CASE("an announcement is read as it was written, with the address at which the cluster is reached") {
  const Announcement all{"host process 7 *:2", {"redis://127.0.0.1:1", "redis://*:2"}};
  const std::string text = written(all, "10.0.0.3");
  CHECK(text == "console=redis://127.0.0.1:1,redis://10.0.0.3:2 host process 7 *:2");
  CHECK(readAnnouncement(text) == Announcement{all.where, {"redis://127.0.0.1:1", "redis://10.0.0.3:2"}});
  CHECK(readAnnouncement(written(all, "fd00::3")).consoles.back() == "redis://[fd00::3]:2");
  CHECK(readAnnouncement(written(all, "")) == Announcement{all.where, {"redis://127.0.0.1:1"}});
  CHECK(written({"host process 7 *:2", {"redis://*:2"}}, "") == "host process 7 *:2");
}

TEST_CASE("what an older release says of itself has no console") {
  CHECK(readAnnouncement("host process 7 127.0.0.1:1") == Announcement{"host process 7 127.0.0.1:1", {}});
  CHECK(readAnnouncement("") == Announcement{});
}

TEST_CASE("whatever stands in the place of an announcement is read, and no more than a few consoles of it") {
  CHECK(readAnnouncement("console=") == Announcement{});
  CHECK(readAnnouncement("console=,, where") == Announcement{"where", {}});
  CHECK(readAnnouncement("console=a") == Announcement{"", {"a"}});
  std::string many = "console=a";
  for (int i = 0; i < 100; ++i) many += ",b";
  CHECK(readAnnouncement(many + " where").consoles.size() == 8);
}

TEST_CASE("this machine speaks to itself by the address that it speaks to") {
  CHECK(ownAddressTowards("127.0.0.1", 6379) == "127.0.0.1");
  CHECK(ownAddressTowards("localhost", 6379) != "");
  CHECK(ownAddressTowards("no such host", 6379).empty());
}

TEST_CASE("PROXY PEERS is read line by line, also where others say odd things of themselves") {
  const PeerList list = readPeerList(
      "peers=on others=2 node=127.0.0.1:1 said=3 heard=4 unread=0 vanished=0 trouble=\"\"\n"
      "peer=self id=\"a\" heard-ms-ago=0 clients=1 subscribers=told topics=0 release=\"1\" place=\"here process 1 *:1\"\n"
      "peer=other id=\"b\" heard-ms-ago=9 clients=1 subscribers=told topics=0 release=\"\\\" place=\\\"x\" "
      "place=\"th\\x65re\"\n"
      "peer=other id=\"c\" clients=1\n");
  CHECK(list.isHeard);
  CHECK(list.places == std::set<std::string>{"here process 1 *:1", "there"});
  CHECK_FALSE(readPeerList("peers=unheard others=0 node= trouble=\"NOPERM\"\n").isHeard);
  CHECK_FALSE(readPeerList("peers=off others=0\n").isHeard);
  CHECK(readPeerList("").places.empty());
}

}  // namespace
}  // namespace slotless::migrate
