// One of the copying threads: makes keys on the target what they are on the source.
//
// Whatever it is told about a key, it looks at the source first: what is there is copied with its time to
// live, what is not is deleted on the target. So it does not matter how often, in which order, or why it is
// told.
#pragma once
#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "proxy/migrate/key_queue.h"
#include "proxy/migrate/known_databases.h"
#include "proxy/migrate/piece_copier.h"
#include "proxy/migrate/places.h"
#include "proxy/migrate/progress.h"
#include "proxy/migrate/source.h"
#include "proxy/migrate/source_facts.h"
#include "proxy/migrate/target_writer.h"
#include "proxy/migrate/throttle.h"

namespace slotless::migrate {

// What the threads share; all of it is thread-safe or does not change.
struct Workshop {
  const Places& places;
  const SourceFacts& facts;
  Target& target;
  Throttle& throttle;
  KnownDatabases& databases;
  Counts& counts;
  Failure& failure;
  std::int64_t bigKeyBytes;
  std::function<bool()> stopped;
  std::function<void(const std::string&)> say;
  // Where the target does not understand the source's DUMP, once that has been seen.
  std::atomic<bool> byType{false};
};

class Copier {
 public:
  Copier(Workshop& shop, KeyQueue& queue, Source source, TargetWriter target);

  // Until it is stopped.
  void run();

 private:
  struct Item {
    Key key;
    Place place;
    std::int64_t bytes = 0;
    std::int64_t expiresAt = 0;  // milliseconds since 1970; 0: never
    std::string usage = {};      // as RESTORE takes it; empty: not known
    bool gone = false;
    std::string payload = {};
  };

  // False: stopped, or failed.
  bool copy(KeyQueue::Batch batch);
  bool itemsOf(KeyQueue::Batch batch, std::vector<Item>& items);
  bool measure(std::vector<Item>& items);
  bool measureByLength(std::vector<Item>& items);
  bool dump(std::vector<Item>& items);
  bool restore(std::vector<Item>& items);
  bool copyInPieces(Item& item);
  bool isBig(const Item& item) const { return shop_.byType || item.bytes > shop_.bigKeyBytes; }
  bool fail(const std::string& reason);

  Workshop& shop_;
  KeyQueue& queue_;
  Source source_;
  TargetWriter target_;
  PieceCopier pieces_;
};

}  // namespace slotless::migrate
