// Which layout fits a database: what each one would do, and the one to take. Pure.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "proxy/advise/layout_trial.h"
#include "proxy/advise/usage.h"

namespace slotless::advise {

// What is known of a database.
struct DatabaseSample {
  std::uint32_t database = 0;
  std::uint64_t size = 0;  // DBSIZE
  std::vector<SampledKey> keys;
  DatabaseUsage usage;
  bool nodesHaveIt = false;                // the nodes of the target have a database of that number
  std::optional<LayoutChoice> configured;  // what the daemon's configuration says
};

struct Proposal {
  std::vector<Trial> trials;  // as they are to be shown: spread, native, grouped ones, pinned
  std::size_t chosen = 0;     // of trials
  std::string why;

  const Trial& choice() const { return trials[chosen]; }
};

Proposal proposalFor(const DatabaseSample& sample);

// As `database-layout` takes it: "2=grouped:bull:*:".
std::string ruleText(std::uint32_t database, const LayoutChoice& choice);

// A share of 0.12 is "12 %".
std::string percentOf(double share);

}  // namespace slotless::advise
