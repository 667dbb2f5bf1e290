// Is it well? What is wrong at a moment, since when, and what to do about it, the worst first.
//
// Pure: facts in, problems out; only since when each has been there is remembered. Whoever has it sees to
// threads.
#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "proxy/cluster/topology.h"
#include "proxy/observe/happenings.h"
#include "proxy/observe/sample.h"

namespace slotless::observe {

struct CertificateEnd {
  std::string side;
  std::string file;
  std::int64_t expiry = 0;  // seconds since 1970
};

struct Condition {
  std::int64_t unixMillis = 0;
  std::optional<std::string> notAlive;  // as /healthz says it
  std::optional<std::string> notReady;  // as /readyz says it
  cluster::TopologyPtr topology;        // nullptr: not known yet
  std::chrono::milliseconds topologyAge{0};
  std::chrono::milliseconds refreshInterval{0};
  Sample now;
  Sample minuteAgo;  // or the first one
  std::vector<CertificateEnd> certificates;
};

struct Problem {
  std::string id;  // what it is about, stable while it lasts: "slots-uncovered", "node-silent 10.0.0.1:6379"
  Weight weight = Weight::Warning;
  std::string what;
  std::string advice;
  std::int64_t sinceMillis = 0;  // since 1970
};

class Verdict {
 public:
  // The worst first. The first problem is what the one line on top is about.
  std::vector<Problem> judge(const Condition& condition);

 private:
  std::map<std::string, std::int64_t> since_;
};

}  // namespace slotless::observe
