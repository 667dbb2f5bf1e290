// Reads the configuration anew while the control loop goes on: files can be slow, and a parser may not end.
//
// Ownership: destroying the object leaves a reading that has not ended to itself; it tells nobody any more.
#pragma once
#include <functional>
#include <memory>

#include "config/load.h"
#include "proxy/net/uv_loop.h"

namespace slotless::server {

class Reading {
 public:
  // Longer than the parser has (config/parser_trial.h).
  static constexpr net::Millis kPatience{10'000};

  // `read` runs on a thread of its own, `done` on the loop: with what was read, or an error if that takes
  // longer than kPatience.
  Reading(net::UvLoop& loop, std::function<config::LoadResult()> read,
          std::function<void(config::LoadResult)> done);
  ~Reading();

 private:
  struct Desk;
  std::shared_ptr<Desk> desk_;
  std::unique_ptr<net::Timer> patience_;
};

}  // namespace slotless::server
