// The checks: each is a function that looks at the facts and says what it sees, in a table with its name, why
// that matters, and what to do.
//
// Pure: nothing is asked of anybody.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/doctor/facts.h"
#include "proxy/doctor/finding.h"

namespace slotless::doctor {

struct Sighting {
  std::string subject;
  std::string seen;
  // Where they differ from what the table says.
  std::optional<Severity> severity = {};
  std::string todo = {};
};
using Sightings = std::vector<Sighting>;

struct Check {
  std::string_view name;
  Severity severity;
  Sightings (*look)(const Facts& facts);
  std::string_view why;
  std::string_view todo;
};

// By subject, the first one first.
std::span<const Check> doorChecks();
std::span<const Check> serverChecks();  // of one server
std::span<const Check> reachChecks();   // of a cluster's nodes
std::span<const Check> topologyChecks();
std::span<const Check> copyChecks();
std::span<const Check> settingChecks();
std::span<const Check> loadChecks();
std::span<const Check> keyChecks();
std::span<const Check> machineChecks();

// All of them, in that order.
std::vector<const Check*> allChecks();

// The worst first. `skipped`: names of checks that are left out. Where nobody answers, that is one finding.
std::vector<Finding> examine(const Facts& facts, const std::vector<std::string>& skipped = {});
// Of several sides together; what is true of both is told once.
std::vector<Finding> examine(const std::vector<Facts>& sides, const std::vector<std::string>& skipped);

}  // namespace slotless::doctor
