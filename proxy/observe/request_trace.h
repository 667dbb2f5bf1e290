// One sampled request (trace-endpoint) as it will be shown: when it came and ended, what has become of it,
// and its stages. They are noted by whoever moves its legs, from what these know anyway: when they were sent
// last, to which node, why they are held. Neither keys nor values nor anybody's words are in it.
//
// Belongs to its request until that is over, then to the queue (trace_queue.h).
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/net/address/address.h"
#include "proxy/net/loop.h"
#include "proxy/observe/trace_context.h"

namespace slotless::observe {

struct TraceStage {
  enum class Kind : std::uint8_t {
    Node,  // a leg was with a node, or on its way there or back
    Held,  // … waited for one, or for its turn
  };

  Kind kind = Kind::Node;
  net::TimePoint begun{};
  net::TimePoint ended{};
  net::Address node = {};  // of Node: as the topology has it …
  net::Address peer = {};  // … and as it was connected to; no host: not known any more
  // Held: for what. Node: by what the leg was sent away, or lost; empty: it was answered. The text lives on.
  std::string_view why = {};
  // Of the error that it was answered with; see protocol::knownErrorCode(). The text lives on.
  std::string_view code = {};
  bool failed = false;
  // Whose it is while it is not over.
  const void* leg = nullptr;
};

struct RequestTrace {
  // A request with more of them (MGET over many nodes, a loop of redirects) shows the first ones.
  static constexpr std::size_t kMostStages = 64;

  TraceId trace{};
  SpanId span{};
  std::optional<SpanId> parent;  // the client's
  std::uint64_t client = 0;      // its id; for whoever looks for the request that this is for
  net::Address clientAddress;
  std::string command;         // as its spec has it: "get", "config|set"
  std::uint32_t database = 0;  // 0 to databases - 1
  std::uint32_t commands = 1;  // in a transaction
  net::TimePoint begun{};
  net::TimePoint ended{};
  std::int64_t clockOffset = 0;  // from this clock to Unix time, nanoseconds
  bool failed = false;
  std::string_view why = {};      // of a failure that is no reply: as of a stage
  std::string_view code = {};     // of the latest error
  std::string_view legCode = {};  // of the leg that is just failing
  std::vector<TraceStage> stages;
  std::size_t stagesLeftOut = 0;

  std::size_t spans() const noexcept { return 1 + stages.size(); }

  void add(TraceStage stage) {
    if (stages.size() < kMostStages) {
      stages.push_back(std::move(stage));
    } else {
      ++stagesLeftOut;
    }
  }
  // The leg is held no longer, if it was; if for no time at all, it does not count.
  void endHeld(const void* leg, net::TimePoint when) noexcept {
    std::erase_if(stages, [&](const TraceStage& stage) { return stage.leg == leg && stage.begun >= when; });
    for (TraceStage& stage : stages) {
      if (stage.leg != leg) continue;
      stage.ended = when;
      stage.leg = nullptr;
    }
  }
};

}  // namespace slotless::observe
