// What a run does for a cut-over: it copies the last changes while all clients wait, and writes nothing more
// until it is known whether the cluster has taken the server's place.
//
// It is asked by fields of the journal: `cut_over` has an id while one is prepared, and is answered by
// `attending`; `drain` by `drained`. What has been decided stands in Decision. A run that went on copying
// after the cut-over would undo what clients write to the cluster: so it freezes before anybody can decide.
#pragma once
#include <chrono>
#include <functional>
#include <string>

#include "proxy/migrate/decision.h"
#include "proxy/migrate/journal.h"

namespace slotless::migrate {

class Attendance {
 public:
  struct Hooks {
    // Everything that had changed by then has been copied; functions, too.
    std::function<bool(std::chrono::steady_clock::time_point since)> drained;
    // Nothing more is taken up to be written, or again.
    std::function<void(bool)> freeze;
    // Nothing is being written, and what has been is safe.
    std::function<bool()> atRest;
    std::function<void(const std::string&)> say;
  };

  Attendance(Journal& journal, const config::Config& config, Hooks hooks);

  // Now and then; often() says how soon again.
  void look(const Journal::Fields& fields);
  bool often() const noexcept { return phase_ != Phase::Away; }
  // The cluster is in force: there is nothing to copy any more.
  bool isOver() const noexcept { return phase_ == Phase::Over; }
  // Before a run begins. The objection, or nothing.
  std::string objection() const;

 private:
  enum class Phase { Away, Watching, Draining, Freezing, Frozen, Over };

  void transition(Phase next) noexcept { phase_ = next; }
  void askDecision();
  void goOn();

  Journal& journal_;
  const Decision decision_;
  const Hooks hooks_;
  Phase phase_ = Phase::Away;
  std::string id_;
  std::chrono::steady_clock::time_point since_;
  std::chrono::steady_clock::time_point asked_;
};

}  // namespace slotless::migrate
