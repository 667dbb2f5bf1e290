// One of the copying threads: makes keys on one side what they are on the other.
//
// Whatever it is told about a key, it looks at the side that is copied from first: what is there is copied
// with its time to live, what is not is deleted on the other. So it does not matter how often, in which
// order, or why it is told.
#pragma once
#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "proxy/migrate/key_client.h"
#include "proxy/migrate/key_queue.h"
#include "proxy/migrate/known_databases.h"
#include "proxy/migrate/piece_copier.h"
#include "proxy/migrate/progress.h"
#include "proxy/migrate/source_facts.h"
#include "proxy/migrate/stream_names.h"
#include "proxy/migrate/throttle.h"

namespace slotless::migrate {

// What the threads share; all of it is thread-safe or does not change.
struct Workshop {
  // From one side to the other.
  struct Side {
    Nodes& nodes;
    const Naming& naming;
  };
  const Side from;
  const Side to;
  // Why a database cannot be copied; empty: it can.
  std::function<std::string(std::uint32_t database)> objectionTo;
  const SourceFacts& facts;
  Throttle& throttle;
  KnownDatabases& databases;
  Counts& counts;
  StreamNames& streams;
  Failure& failure;
  std::int64_t bigKeyBytes;
  std::function<bool()> stopped;
  std::function<void(const std::string&)> say;
  // Where one side does not understand the other's DUMP, once that has been seen.
  std::atomic<bool> byType{false};
};

class Copier {
 public:
  Copier(Workshop& shop, KeyQueue& queue, KeyClient from, KeyClient to);

  // Until it is stopped.
  void run();

 private:
  struct Item {
    Key key;
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
  KeyClient from_;
  KeyClient to_;
  PieceCopier pieces_;
};

}  // namespace slotless::migrate
