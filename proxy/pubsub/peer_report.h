// What this process knows of the other proxies of its cluster, as PROXY PEERS and /metrics show it.
//
// A snapshot: made once a second by who hears them (proxy/peers), and never changed.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/net/loop.h"

namespace slotless::pubsub {

struct PeerRow {
  std::string id;
  std::string place;  // for people: its host, process and listeners
  std::string release;
  std::uint64_t clients = 0;
  net::TimePoint heardAt{};
  // Topics that it has told of; nullopt: they are too many to be told, or are not known yet.
  std::optional<std::size_t> topics;
  bool tooMany = false;
};

struct PeerReport {
  bool isOn = false;    // option peers
  bool hears = false;   // the channel, itself among those who speak there
  std::string trouble;  // why not; empty: nothing is known to be wrong
  std::string node;     // by which it hears
  PeerRow self;
  std::vector<PeerRow> others;
  std::uint64_t said = 0;      // messages
  std::uint64_t heard = 0;     // of others
  std::uint64_t unread = 0;    // that were not understood, or of more proxies than there is room for
  std::uint64_t vanished = 0;  // proxies that were not heard for too long
};
using PeerReportPtr = std::shared_ptr<const PeerReport>;

}  // namespace slotless::pubsub
