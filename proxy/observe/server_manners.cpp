#include "proxy/observe/server_manners.h"

#include <utility>

namespace slotless::session {

namespace {

struct Since {
  bool ServerManners::*manner;
  std::string_view product;
  std::uint32_t first;  // of the version
  std::uint32_t second;
};
constexpr Since kSince[] = {
    {&ServerManners::takesReadOnly, "valkey", 8, 0},
    {&ServerManners::killsByAge, "redis", 7, 4},
    {&ServerManners::killsByAge, "valkey", 8, 0},
    {&ServerManners::listsByFilter, "valkey", 8, 1},
    {&ServerManners::filtersByAll, "valkey", 9, 0},
    {&ServerManners::namesPrimaries, "valkey", 8, 0},
    {&ServerManners::showsWatches, "redis", 7, 4},
    {&ServerManners::showsWatches, "valkey", 8, 0},
    {&ServerManners::showsThread, "redis", 8, 0},
    {&ServerManners::showsTraffic, "valkey", 8, 0},
    {&ServerManners::showsCapabilities, "valkey", 8, 1},
    {&ServerManners::namesForbiddenCommand, "valkey", 9, 0},
    {&ServerManners::saysNoScriptOnly, "valkey", 8, 0},
    {&ServerManners::hasLuaServer, "valkey", 8, 0},
    {&ServerManners::spoiledByCrossing, "valkey", 9, 1},
    {&ServerManners::limitsWaits, "redis", 7, 2},
    {&ServerManners::limitsWaits, "valkey", 7, 2},
    {&ServerManners::namesHelloVersion, "redis", 7, 2},
    {&ServerManners::namesHelloVersion, "valkey", 7, 2},
    {&ServerManners::datesAclLog, "redis", 7, 2},
    {&ServerManners::datesAclLog, "valkey", 7, 2},
};

}  // namespace

ServerManners mannersOf(cluster::ServerIdentity server) {
  ServerManners manners;
  for (const Since& each : kSince) {
    if (server.isAtLeast(each.product, {each.first, each.second})) manners.*each.manner = true;
  }
  manners.server = std::move(server);
  return manners;
}

}  // namespace slotless::session
