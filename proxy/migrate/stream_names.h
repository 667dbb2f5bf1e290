// The streams that have been copied. A server does not tell those who follow its changes of commands about
// consumer groups (XREADGROUP, XACK, XCLAIM …), so these keys are copied again where such commands have run.
//
// Both directions of a migration share one: after a cut-over nothing is walked. Thread-safe.
#pragma once
#include <cstdint>
#include <mutex>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "proxy/migrate/naming.h"
#include "proxy/subcommand/info_text.h"

namespace slotless::migrate {

class StreamNames {
 public:
  // `payload`: of DUMP, by whose first byte a stream is known.
  void note(const Key& key, std::string_view payload);
  void note(const Key& key);
  void forget(const Key& key);
  std::vector<Key> all() const;

 private:
  mutable std::mutex mutex_;
  std::unordered_set<Key, KeyHash> keys_;
};

// How many commands have been carried out that may have changed a consumer group, by INFO commandstats.
std::int64_t groupCallsIn(const subcommand::InfoText& commandStats);

}  // namespace slotless::migrate
