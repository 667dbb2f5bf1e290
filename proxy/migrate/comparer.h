// Compares keys of the source with what the target has for them. For one thread.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/migrate/node_writer.h"
#include "proxy/migrate/places.h"
#include "proxy/migrate/source.h"
#include "proxy/migrate/source_facts.h"
#include "proxy/migrate/value_digest.h"

namespace slotless::migrate {

struct Comparison {
  Key key;
  std::string difference = {};  // empty: none
  // What the source has: a key that has another mark now has changed in between.
  std::string mark = {};
};

class Comparer {
 public:
  // The difference of streams that are the same but for these. Servers tell nobody of what is done to them.
  static constexpr std::string_view kGroupsDiffer = "consumer groups of a stream";

  Comparer(const Places& places, const SourceFacts& facts, Source source, NodeWriter target,
           std::chrono::milliseconds ttlTolerance, std::int64_t bigKeyBytes);

  // In the order of the keys; those whose names the target reserves are left out. False: stopped, or error().
  bool compare(const std::vector<Key>& keys, bool withMarks, std::vector<Comparison>& out);
  // Of keys of the target: those that the source does not have.
  bool onlyOnTarget(const std::vector<Key>& keys, std::vector<Key>& out);
  const std::string& error() const noexcept { return error_; }

 private:
  struct Side {
    std::string type;
    std::int64_t expiry = -1;  // or time to live, if one of the two does not tell when
    std::string payload;
    std::int64_t bytes = 0;
  };

  bool look(const std::vector<Key>& keys, const std::vector<Place>& places, std::vector<Side>& source,
            std::vector<Side>& target);
  bool dump(const std::vector<Key>& keys, const std::vector<Place>& places, std::vector<Side>& source,
            std::vector<Side>& target);
  bool digest(const Key& key, const Place& place, const std::string& type, DigestResult& source,
              DigestResult& target);
  std::string differenceOf(const Side& source, const Side& target) const;

  const Places& places_;
  const SourceFacts& facts_;
  Source source_;
  NodeWriter target_;
  const std::chrono::milliseconds tolerance_;
  const std::int64_t bigKeyBytes_;
  bool exactTimes_;
  std::string error_;
};

}  // namespace slotless::migrate
