// Walks over all keys of the side that is copied from, and over those of the other that it may not have, and
// hands them to the copying threads.
//
// What is wanted while a walk is under way is done behind it; a walk over everything is begun anew instead.
#pragma once
#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "proxy/migrate/copier.h"
#include "proxy/migrate/slot_set.h"

namespace slotless::migrate {

struct Walk {
  bool all = false;
  SlotSet slots;       // of the other side: keys that lie in them, if not all
  bool sweep = false;  // the other side's keys as well

  bool wanted() const { return all || sweep || slots.any(); }
};

class Walker {
 public:
  using Give = std::function<void(Key)>;

  Walker(Workshop& shop, KeyClient from, Give give);

  // Thread-safe.
  void want(const Walk& walk);
  bool idle() const;
  std::uint64_t walked() const noexcept { return walked_; }
  std::uint64_t expected() const noexcept { return expected_; }
  std::uint32_t database() const noexcept { return database_; }

  // Until it is stopped; on a thread of its own.
  void run();

 private:
  // What becomes of a page of keys. False: stopped, failed, or begun anew.
  using Page = std::function<bool(std::vector<Key> keys)>;

  // False: as of a page.
  bool walkFrom(const Walk& walk);
  bool sweepTo();
  bool each(const Workshop::Side& side, const Page& page);
  bool eachOf(const Workshop::Side& side, const subcommand::ServerUrl& node, const Page& page);
  bool isAnswer(const subcommand::ServerUrl& node, const subcommand::Reply& reply);
  bool missing(const std::vector<Key>& keys);
  bool interrupted() const { return shop_.stopped() || restart_; }

  Workshop& shop_;
  KeyClient from_;
  const Give give_;
  mutable std::mutex mutex_;
  std::condition_variable wanted_;
  Walk next_;
  bool running_ = false;
  std::atomic<bool> restart_{false};
  std::atomic<std::uint64_t> walked_{0};
  std::atomic<std::uint64_t> expected_{0};
  std::atomic<std::uint32_t> database_{0};
};

}  // namespace slotless::migrate
