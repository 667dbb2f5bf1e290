#include "proxy/peers/peer_table.h"

#include <algorithm>
#include <utility>

namespace slotless::peers {

namespace {
// Who looks so late has not read what there is, either.
constexpr net::Millis kOwnAbsence = 2 * kBeat;
}  // namespace

PeerTable::Noted PeerTable::note(Beat beat, net::TimePoint now) {
  if (beat.id == ownId_) {
    heardItself_ = now;
    return {Heard::Own, false};
  }
  const auto found = peers_.find(beat.id);
  const bool isNew = found == peers_.end();
  if (isNew && peers_.size() >= kMostPeers) return {Heard::NoRoom, false};
  Peer& peer = isNew ? peers_[beat.id] : found->second;
  peer.place = std::move(beat.place);
  peer.release = std::move(beat.release);
  peer.clients = beat.clients;
  peer.version = beat.version;
  peer.heardAt = now;
  // One that has only just come has heard nobody yet.
  isAsked_ =
      isAsked_ || isNew || std::find(beat.lacking.begin(), beat.lacking.end(), ownId_) != beat.lacking.end();
  const bool hasCounts = beat.counts && (!peer.counts || peer.countsVersion != beat.version);
  if (hasCounts) take(peer, std::move(*beat.counts), beat.version);
  return {isNew ? Heard::New : Heard::Known, hasCounts};
}

void PeerTable::take(Peer& peer, Counts counts, std::uint64_t version) {
  peer.counts.reset();
  std::size_t topics = counts.topics.size();
  for (const auto& [id, other] : peers_) topics += other.counts ? other.counts->topics.size() : 0;
  if (topics > kMostTopicsOfAll) counts = {true, {}, {}};
  peer.counts = std::move(counts);
  peer.countsVersion = version;
}

void PeerTable::excuseOwnAbsence(net::TimePoint now) {
  const net::TimePoint before = lookedAt_.value_or(now);
  lookedAt_ = now;
  if (now - before < kOwnAbsence) return;
  const auto away = now - before - kBeat;
  const auto excuse = [&](net::TimePoint& heardAt) { heardAt = std::min(now, heardAt + away); };
  for (auto& [id, peer] : peers_) excuse(peer.heardAt);
  if (heardItself_) excuse(*heardItself_);
}

std::vector<std::string> PeerTable::expire(net::TimePoint now) {
  excuseOwnAbsence(now);
  std::vector<std::string> gone;
  for (const auto& [id, peer] : peers_) {
    if (now - peer.heardAt >= kPatience) gone.push_back(id);
  }
  for (const std::string& id : gone) peers_.erase(id);
  return gone;
}

void PeerTable::clear() {
  peers_.clear();
  lookedAt_.reset();
  heardItself_.reset();
  told_ = 0;
  isAsked_ = false;
}

std::vector<std::string> PeerTable::lacking() const {
  std::vector<std::string> ids;
  for (const auto& [id, peer] : peers_) {
    if (!peer.counts || peer.countsVersion != peer.version) ids.push_back(id);
  }
  return ids;
}

void PeerTable::told(std::uint64_t version) noexcept {
  told_ = version;
  isAsked_ = false;
}

}  // namespace slotless::peers
