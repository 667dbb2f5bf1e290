// What a run does for a cut-over or a roll-back: it copies the last changes while all clients wait, and
// writes nothing more until it is known which side is in force.
//
// It is asked by fields of the journal: `cut_over` has an id while one is prepared, and is answered by
// `attending`; `drain` by `drained`. What has been decided stands in Decision. A run that went on copying
// after the cut-over would undo what clients write: so it freezes before anybody can decide. Before it
// attends, it is made sure that what clients write then can be copied the other way.
#pragma once
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/migrate/decision.h"
#include "proxy/migrate/journal.h"

namespace slotless::migrate {

class Attendance {
 public:
  struct Hooks {
    // Opens the way back; asked until it says that it is there, or will never be.
    std::function<bool()> openWayBack;
    std::function<void()> closeWayBack;
    // Everything that had changed by then has been copied; functions, too.
    std::function<bool(std::chrono::steady_clock::time_point since)> drained;
    // Nothing more is taken up to be written, or again.
    std::function<void(bool)> freeze;
    // Nothing is being written, and what has been is safe.
    std::function<bool()> atRest;
    std::function<void(const std::string&)> say;
  };

  Attendance(Journal& journal, const config::Config& config, Hooks hooks);

  // Which side is in force, before a run begins. A cut-over that is under way has lost its run, which may
  // have copied the last changes: it fails. nullopt: see the error.
  std::optional<config::Upstream> begin(std::string& error);
  // Now and then; often() says how soon again.
  void look(const Journal::Fields& fields);
  bool often() const noexcept { return phase_ != Phase::Away; }
  // The other side is in force by now, and nothing is copied. goOn() begins anew, for cut-overs from there.
  bool isOver() const noexcept { return phase_ == Phase::Over; }
  void goOn();

 private:
  enum class Phase { Away, Opening, Watching, Draining, Freezing, Frozen, Over };

  void transition(Phase next) noexcept { phase_ = next; }
  void askDecision();
  void giveUp();

  Journal& journal_;
  const Decision decision_;
  const Hooks hooks_;
  Phase phase_ = Phase::Away;
  std::string_view here_;   // the side that is in force
  std::string_view there_;  // the other one
  std::string id_;
  std::chrono::steady_clock::time_point since_;
  std::chrono::steady_clock::time_point asked_;
};

}  // namespace slotless::migrate
