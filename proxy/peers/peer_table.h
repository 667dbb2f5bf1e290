// Which proxies there are, and what each has told of itself.
//
// All about time and loss is here, without a clock or a connection: whoever is not heard for kPatience is
// gone; counts that are missed are asked for in the next message, and told again. A process that was away
// itself has not listened, and takes nobody for gone because of that. Bounded, since anybody who may publish
// can say to be a proxy: kMostPeers, kMostTopicsOfAll.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "proxy/net/loop.h"
#include "proxy/peers/beat.h"

namespace slotless::peers {

// Between two messages of one process.
inline constexpr net::Millis kBeat{1000};
// Two of them may be lost.
inline constexpr net::Millis kPatience{3500};
inline constexpr std::size_t kMostPeers = 64;
inline constexpr std::size_t kMostTopicsOfAll = 32768;

struct Peer {
  std::string place;
  std::string release;
  std::uint64_t clients = 0;
  std::uint64_t version = 0;  // the newest that it has told of
  net::TimePoint heardAt{};
  // As of `countsVersion`; nullopt: not heard yet.
  std::optional<Counts> counts;
  std::uint64_t countsVersion = 0;
};

class PeerTable {
 public:
  explicit PeerTable(std::string ownId) : ownId_(std::move(ownId)) {}

  enum class Heard : std::uint8_t { Own, New, Known, NoRoom };
  struct Noted {
    Heard heard = Heard::Known;
    bool hasCounts = false;  // that are newer than what was known
  };
  Noted note(Beat beat, net::TimePoint now);
  // Once a beat: forgets who has not been heard for too long, and tells who that is.
  std::vector<std::string> expire(net::TimePoint now);
  // Forgets all.
  void clear();

  const std::map<std::string, Peer>& peers() const noexcept { return peers_; }
  const std::string& ownId() const noexcept { return ownId_; }
  // This process is heard by itself: the channel carries.
  bool hearsItself(net::TimePoint now) const noexcept {
    return heardItself_ && now - *heardItself_ < kPatience;
  }

  // Whose counts are to be asked for.
  std::vector<std::string> lacking() const;
  // Whether the next message has to have the counts: they are of another version than those told last, or
  // somebody lacks them.
  bool mustTell(std::uint64_t version) const noexcept { return version != told_ || isAsked_; }
  // They were told.
  void told(std::uint64_t version) noexcept;
  // What was told of them means something else now.
  void tellAgain() noexcept { isAsked_ = true; }

 private:
  void excuseOwnAbsence(net::TimePoint now);
  void take(Peer& peer, Counts counts, std::uint64_t version);

  const std::string ownId_;
  std::map<std::string, Peer> peers_;
  std::optional<net::TimePoint> lookedAt_;
  std::optional<net::TimePoint> heardItself_;
  std::uint64_t told_ = 0;
  bool isAsked_ = false;
};

}  // namespace slotless::peers
