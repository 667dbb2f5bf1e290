// A copy of one side of a migration on the other, kept up to date: feeds of changes, a walk over what is
// there, and threads that copy what either tells.
//
// It may be opened before it begins: then it only keeps in mind what changes.
#pragma once
#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "proxy/migrate/copied_libraries.h"
#include "proxy/migrate/copier.h"
#include "proxy/migrate/feeds.h"
#include "proxy/migrate/functions.h"
#include "proxy/migrate/reporter.h"
#include "proxy/migrate/settings.h"
#include "proxy/migrate/walker.h"

namespace slotless::migrate {

class LiveCopy {
 public:
  struct Parts {
    const Settings& settings;
    Reporter& reporter;
    Workshop::Side from;
    Workshop::Side to;
    SourceFacts facts;  // of the side that is copied from
    std::string name;   // its connections' names begin so
    std::string cause;  // what is said of a side that has been swapped or flushed: "the source"
    std::function<std::string(std::uint32_t database)> objectionTo;
    // The keys that a changed name may stand for.
    std::function<std::vector<Key>(const std::string& name)> keysOf;
    Counts& counts;
    StreamNames& streams;
    CopiedLibraries& libraries;
    Failure& failure;
    std::function<bool()> stopped;
  };

  explicit LiveCopy(Parts parts);
  LiveCopy(const LiveCopy&) = delete;
  LiveCopy& operator=(const LiveCopy&) = delete;
  ~LiveCopy();

  // All of it is for one thread.
  bool isOpen() const { return feeds_.isUp(); }
  // Whatever is known of what the other side has already is walked first.
  void begin(const Walk& first);
  // Each second.
  void look();
  // Often. Is it known that all has been copied that had changed up to a moment ago?
  void tryToCatchUp();
  bool caughtUp() const noexcept { return caughtUp_; }
  bool isAsking() const noexcept { return isAsking_; }
  // For a cut-over: while nobody writes to the side that is copied from, that is all there is.
  bool drained(std::chrono::steady_clock::time_point since);
  void freeze(bool frozen);
  // What has been done on the side that is copied from so far is known to be here: without it all streams are
  // copied at first, and a swap of databases that comes soon is missed. False: a server does not answer.
  bool rememberCalls();
  // Nothing is being written.
  bool atRest() const;
  // No walk is under way or wanted, and functions are there.
  bool idle() const { return walker_.idle() && functionTrouble_.empty(); }

  const char* phase() const;
  Standing standing();
  std::uint64_t walked() const noexcept { return walker_.walked(); }
  std::uint64_t expected() const noexcept { return walker_.expected(); }
  std::size_t libraries() const noexcept { return functions_.libraries(); }
  std::int64_t lagMs() const noexcept { return lagMs_; }
  // Why it does not catch up; empty: nothing is known.
  const std::string& trouble() const noexcept { return functionTrouble_; }

 private:
  using Clock = std::chrono::steady_clock;
  // A thread that has ended when it is destroyed.
  struct Thread {
    std::thread thread;
    explicit Thread(std::function<void()> work) : thread(std::move(work)) {}
    Thread(const Thread&) = delete;
    Thread& operator=(const Thread&) = delete;
    ~Thread() { thread.join(); }
  };

  bool stopped() const { return ending_ || parts_.stopped(); }
  NodeWriter writer(Nodes& nodes, const std::string& what);
  KeyClient client(const Workshop::Side& side, const std::string& what);
  KeyQueue& queueOf(const std::string& name);
  ChangeFeed::Listener listener();
  void changed(const std::string& name);
  void pulse();
  bool quiet();
  struct Calls {
    std::int64_t swaps = 0;
    std::int64_t ofGroups = 0;
  };
  std::optional<Calls> askCalls();
  void noteSwaps(std::int64_t swaps);
  void lookAtCalls();
  bool copyStreamsAgain(std::int64_t groupCalls);
  void lookAtTarget();
  void lookAtFunctions();

  const Parts parts_;
  std::atomic<bool> ending_{false};
  Throttle throttle_;
  KnownDatabases databases_;
  Workshop shop_;
  std::deque<KeyQueue> queues_;
  Walker walker_;
  FunctionCopier functions_;
  Feeds feeds_;
  std::map<std::string, subcommand::NodeClient> askers_;  // by where they ask
  std::list<Copier> copiers_;                             // outlive their threads
  std::list<Thread> threads_;

  std::int64_t swaps_ = -1;
  // As of which all streams have been told to be copied, and when that was.
  std::int64_t groupCalls_ = -1;
  Clock::time_point streamsAgainAt_;
  std::string functionTrouble_;
  bool isAsking_ = false;  // for a barrier
  Clock::time_point askedSince_;
  std::optional<Clock::time_point> reachedAt_;
  Clock::time_point caughtUpWith_;  // all that had changed by then has been copied
  bool caughtUp_ = false;
  std::int64_t lagMs_ = 0;
  const Clock::time_point began_ = Clock::now();
  Clock::time_point lastStanding_ = Clock::now();
  std::uint64_t lastKeys_ = 0;
  std::uint64_t lastBytes_ = 0;
  double keysPerSecond_ = 0;
  double bytesPerSecond_ = 0;
};

}  // namespace slotless::migrate
