#include "proxy/session/memory_relief.h"

#include <algorithm>

#include "proxy/session/client.h"
#include "proxy/session/services.h"
#include "proxy/session/worker_poll.h"

namespace slotless::session {

namespace {

void closeFor(Services& services, std::uint64_t id, std::size_t bytes) {
  const auto found = services.clients.find(id);
  if (found != services.clients.end())
    found->second->closeFor(telemetry::Limit::Memory, "memory-limit", bytes);
}

}  // namespace

MemoryRelief::MemoryRelief(Services& services)
    : services_(services), timer_(services.host.loop.makeTimer([this] {
        services_.host.touch();
        note();
      })) {}

bool MemoryRelief::scarce() const {
  const std::uint64_t limit = services_.config.memoryLimit;
  return limit > 0 && services_.control.memoryInUse() > limit / 2;
}

bool MemoryRelief::isTooMuch(std::uint64_t bytes) const {
  const std::uint64_t limit = services_.config.memoryLimit;
  if (limit == 0) return false;
  return bytes > limit / 16 || services_.control.memoryInUse() + bytes > limit - limit / 4;
}

std::size_t MemoryRelief::share() const {
  const std::uint64_t workers = std::max<std::uint64_t>(1, services_.config.workers);
  const std::size_t clients = std::max<std::size_t>(1, services_.clients.size());
  return std::max<std::size_t>(kWorthwhileBytes, services_.config.memoryLimit / 8 / workers / clients);
}

bool MemoryRelief::holdsBack(const ClientConnection& client) const {
  return engaged_ && client.footprint() > share();
}

void MemoryRelief::note() {
  const std::uint64_t limit = services_.config.memoryLimit;
  const std::uint64_t used = limit == 0 ? 0 : services_.control.memoryInUse();
  const std::uint64_t enough = limit - limit / 8;
  if (engaged_ && used <= enough) disengage();
  if (used > limit) engaged_ = true;
  if (!engaged_) return;
  if (!timer_->active()) timer_->start(kPause);
  if (used > limit) lastAbove_ = services_.host.now;
  // What a round has closed takes a while to be free, as its nodes may still have to answer; but nobody is
  // held back for ever.
  const bool due = used > limit || services_.host.now - lastAbove_ >= kPatience;
  if (due && services_.control.relief().begin(services_.host.now)) closeLargest(used - enough);
}

void MemoryRelief::disengage() {
  engaged_ = false;
  timer_->stop();
  for (const auto& [id, client] : services_.clients) client->readAgain();
}

MemoryRelief::Offenders MemoryRelief::largestOf(const Services& services) {
  Offenders all;
  for (const auto& [id, client] : services.clients) {
    const std::size_t bytes = client->state() == ClientState::Closed ? 0 : client->footprint();
    if (bytes >= kWorthwhileBytes) all.push_back({id, bytes});
  }
  const auto larger = [](const Offender& a, const Offender& b) { return a.bytes > b.bytes; };
  const std::size_t kept = std::min(all.size(), kMostOffenders);
  std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(kept), all.end(), larger);
  all.resize(kept);
  return all;
}

void MemoryRelief::closeLargest(std::size_t excess) {
  askWorkers<Offenders>(
      services_, [](Services& there, std::size_t) { return largestOf(there); },
      [this, excess](const std::vector<Offenders>& found) { closeAll(found, excess); });
}

// The largest of all workers first, until enough is on its way out.
void MemoryRelief::closeAll(const std::vector<Offenders>& found, std::size_t excess) {
  std::vector<std::size_t> chosen(found.size());  // how many of each worker's
  for (std::size_t freed = 0; freed < excess;) {
    const Offender* largest = nullptr;
    std::size_t owner = 0;
    for (std::size_t worker = 0; worker < found.size(); ++worker) {
      if (chosen[worker] == found[worker].size()) continue;
      const Offender& next = found[worker][chosen[worker]];
      if (largest != nullptr && largest->bytes >= next.bytes) continue;
      largest = &next;
      owner = worker;
    }
    if (largest == nullptr) break;
    ++chosen[owner];
    freed += largest->bytes;
  }
  askWorkers<char>(
      services_,
      [found, chosen](Services& there, std::size_t worker) {
        for (std::size_t i = 0; i < chosen.at(worker); ++i)
          closeFor(there, found[worker][i].client, found[worker][i].bytes);
        return char{};
      },
      [this](const std::vector<char>&) {
        // Its memory is free at the end of the turn, or when its nodes have answered.
        services_.control.relief().end(services_.host.now + kPause);
      });
}

}  // namespace slotless::session
