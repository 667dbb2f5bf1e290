// The cut-over from one server to a cluster, or back, as one proxy goes through it (upstream migrating).
//
// Serving -> Emptying (gates are shut, what is under way ends) -> Waiting (nothing is under way) -> Settling
// (the cluster is asked what has been decided) -> Moving (the workers go over) -> Serving; or from Emptying
// and Settling back to Serving, and nothing has happened. The decision is one key in the cluster, which
// changes once: whoever comes to its end first, the migration or a proxy whose patience is over, decides for
// all. Gates are not opened before that is known, or else some proxies might serve the server and others the
// cluster. A proxy says in the cluster every few seconds that it is there, so that none is forgotten; one
// that has been goes over as soon as it sees what has been decided. Belongs to the control thread's loop.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "config/config.h"
#include "config/side_words.h"
#include "proxy/net/loop.h"
#include "proxy/session/call_back.h"
#include "proxy/session/cut_over_step.h"

namespace slotless::server {

// The decision, and who has to follow it, as they stand in the cluster. Both take their time, and may be
// called on any thread; nullopt: the cluster does not answer.
struct SideRecord {
  // Changes the decision from `from` to `to` if it is `from`, and returns what it is then.
  std::function<std::optional<std::string>(const std::string& from, const std::string& to)> change;
  // This process is there: to be said again every few seconds. What has been decided.
  std::function<std::optional<std::string>(const std::string& process, const std::string& where)> announce;
  // It does not any more.
  std::function<void(const std::string& process)> leave;
  // The configuration as it was read, at the start and whenever it is another one: for what asks both sides
  // beside the workers. Not to be waited for.
  std::function<void(const config::Config& loaded)> configured;
};

class CutOver {
 public:
  struct Hooks {
    // Why the other side cannot be gone over to; empty: it can.
    std::function<std::string()> objection;
    std::function<void(bool shut)> shutGates;
    // One look at all workers, see callBack().
    std::function<void(std::function<void(session::CalledBack)> done)> look;
    // All workers go over, and open their gates.
    std::function<void(std::function<void()> done)> move;
    // SideRecord's change() and announce(), on another thread.
    using Told = std::function<void(std::optional<std::string> side)>;
    std::function<void(std::string from, std::string to, Told told)> settle;
    std::function<void(Told told)> announce;
  };

  enum class Phase : std::uint8_t { Serving, Emptying, Waiting, Settling, Moving };

  // `process`: its name among the others. `onCluster`: that has been gone over to already.
  CutOver(net::Loop& loop, Hooks hooks, std::string process, bool onCluster);

  void take(const session::CutOverStep& step, session::CutOverDone done);
  bool onCluster() const noexcept { return here_ == config::kClusterSide; }
  const std::string& process() const noexcept { return process_; }

 private:
  using Done = session::CutOverDone;

  void transition(Phase next) noexcept { phase_ = next; }
  std::string status() const;
  void prepare(const session::CutOverStep& step, Done done);
  void onTimer();
  void lookAgain();
  void onLook(const session::CalledBack& found);
  void announce();
  void onAnnounced(const std::optional<std::string>& side);
  void empty(std::string id, net::Millis patience, net::Millis hold);
  void giveUp(const std::string& why);
  void settle();
  void onSettled(const std::optional<std::string>& side);
  void open(const std::string& why);
  void answer(const std::string& reply);

  net::Loop& loop_;
  const Hooks hooks_;
  const std::string process_;
  Phase phase_ = Phase::Serving;
  std::string_view here_;   // the side that is served
  std::string_view there_;  // the other one
  std::string id_;
  net::TimePoint deadline_{};
  net::TimePoint shutSince_{};
  net::Millis hold_{};
  Done done_;  // of the step under way
  std::unique_ptr<net::Timer> timer_;
  std::unique_ptr<net::Timer> announcing_;
};

}  // namespace slotless::server
