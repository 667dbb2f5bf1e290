// What a client has queued since MULTI, and how EXEC's reply is put together.
//
// Commands for a node are kept as one batch, MULTI to EXEC, that goes out in one piece. Commands that the
// proxy answers itself are kept as arguments; they run when EXEC has succeeded, and their replies go into its
// array. So do those for which it has to ask several nodes or all workers (see exec_walk.h).
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/argv.h"
#include "protocol/command_spec.h"
#include "protocol/slot.h"
#include "proxy/databases/database.h"
#include "proxy/dispatch/work.h"
#include "proxy/net/byte_chain.h"
#include "proxy/routing/plan.h"

namespace slotless::session {

class Transaction {
 public:
  using RunLocal =
      std::function<void(const protocol::CommandSpec& spec, protocol::Argv argv, std::string& out)>;
  // Appends PUBLISH's reply as the client has to see it.
  // `slot`: of the group that it was in; kNoSlot: there is one only.
  using Correct = std::function<void(std::string_view channel, protocol::Slot slot, std::string_view reply,
                                     std::string& out)>;

  // `multi`: as the client has spelled it, which MONITOR shows.
  explicit Transaction(net::BlockPool& pool, std::string_view multi = "MULTI");

  // `composer`: of the client's reply, if that is not the node's as it is.
  // `tail`: of the request.
  void queueForwarded(const protocol::CommandSpec& spec, std::string_view request, std::string_view tail = {},
                      std::unique_ptr<routing::Composer> composer = nullptr);
  // A command of the proxy's own before the next one (see slot_guard.h): the client sees no reply to it.
  void queueGuard(const protocol::CommandSpec& spec, std::string_view request);
  // PUBLISH, which any node can carry out: its reply has to be corrected.
  void queuePublish(const protocol::CommandSpec& spec, std::string_view request, std::string_view channel);
  void queueLocal(const protocol::CommandSpec& spec, protocol::Argv argv);
  // A command for several nodes, which can only be the only one. `objection`: to any other, and to it if
  // there is another one.
  struct Alone {
    const protocol::CommandSpec* said;
    const protocol::CommandSpec* spec;
    std::vector<std::string> argv;
    std::string bytes;
    const databases::Database* database;
    bool wantsWholeSlot;
    std::string objection;
  };
  void queueAlone(Alone command);
  const std::optional<Alone>& alone() const noexcept { return alone_; }
  // A command that is answered behind the node's EXEC.
  struct Later {
    const protocol::CommandSpec* spec;
    std::vector<std::string> argv;
    std::string bytes;     // as nodes get it
    bool changes = false;  // … by which they become different: nothing for nodes may follow it
  };
  void queueLater(Later command);
  bool hasLater() const noexcept { return hasLater_; }
  // The one that changes nodes; nullptr: there is none.
  const protocol::CommandSpec* change() const noexcept { return change_; }
  // A command that is refused when it is run; the others are run.
  void queueError(const protocol::CommandSpec& spec, std::string_view line);
  // A command was refused, with that line (without '-' and CRLF): EXEC must not run anything.
  void fail(std::string_view why);

  bool failed() const noexcept { return !failure_.empty(); }
  // Why the first one was refused.
  const std::string& failure() const noexcept { return failure_; }
  std::size_t size() const noexcept { return queued_.size(); }
  std::size_t forwarded() const noexcept { return forwarded_; }
  // EXEC's reply is not the node's as it is.
  bool needsAssembly() const noexcept { return forwarded_ < queued_.size() || corrected_; }
  bool readOnly() const noexcept { return readOnly_; }
  std::size_t batchBytes() const noexcept { return batch_.size(); }
  // Memory that the queue takes.
  std::size_t memoryBytes() const noexcept {
    return batch_.size() + groupBytes_ + localBytes_ + queued_.size() * sizeof(Queued) +
           scripts.size() * kScriptBytes;
  }

  // The commands that are queued from now on are for that slot. Two slots make two groups.
  void turnTo(protocol::Slot slotOfNext);
  // The commands for one slot, MULTI to EXEC.
  struct Group {
    protocol::Slot slot = protocol::kNoSlot;
    std::string batch;
    std::size_t commands = 0;
  };
  bool inGroups() const noexcept { return groups_.size() > 1; }
  // Once, and not takeBatch(). Requires inGroups(). `exec`: as there.
  std::vector<Group> takeGroups(std::string_view exec = "EXEC");
  // As one EXEC's reply: of the groups' replies, with an error in the place of each command that was not
  // carried out. Where none was, it is the first error.
  std::string join(const std::vector<Group>& groups, const std::vector<std::string>& replies) const;

  // The whole batch, with EXEC at its end, as the client has spelled it. Once.
  net::ByteChain takeBatch(std::string_view exec = "EXEC");
  // Puts EXEC's reply together. `execReply`: the node's reply, whole; empty if nothing was forwarded.
  void assemble(std::string_view execReply, const RunLocal& runLocal, const Correct& correct,
                std::string& out) const;
  // The same in pieces: `position` is where the last one has ended. True: that was all. It ends at a command
  // that is answered later, too: who asks for laterAt() has to append its reply and go on behind it.
  struct Position {
    std::size_t command = 0;
    std::size_t replyBytes = 0;  // of execReply that have been used
  };
  // nullptr: another one is at that position.
  const Later* laterAt(const Position& position) const noexcept {
    return position.command < queued_.size() ? queued_[position.command].later.get() : nullptr;
  }
  bool assemble(Position& position, std::string_view execReply, const RunLocal& runLocal,
                const Correct& correct, std::string& out, WorkBudget& budget) const;
  // More commands than should be dealt with, or forgotten, at once.
  bool isLong() const noexcept { return queued_.size() > kMostAtOnce; }
  // Takes it apart. True: it is empty.
  bool discard(WorkBudget& budget);

  // The slot of all keys so far; kNoSlot: no keys.
  protocol::Slot slot = protocol::kNoSlot;
  // The SHA1s that its EVALSHAs name: EXEC cannot be repeated for the want of a script, so they are seen to
  // before.
  std::vector<std::string> scripts;
  // What MONITOR is to show of it, with its EXEC; nullptr: nobody has watched.
  std::shared_ptr<std::vector<std::string>> monitored;
  bool runsMonitoredScript = false;
  void noteMonitored(std::string command, bool script);
  // What SELECT has chosen in it; nullptr: there is none.
  const databases::Database* database = nullptr;
  // One of its commands looks at more of the slot than the keys that it names.
  bool wantsWholeSlot = false;
  // A FLUSHDB that is a script on its node.
  bool emptiesByKey = false;
  // What may make the client another user, where there are users; nullptr: there is none.
  const protocol::CommandSpec* login = nullptr;
  // Something in it may change data.
  bool writes = false;
  // Where to go if there are none: the channel of a PUBLISH.
  protocol::Slot publishSlot = protocol::kNoSlot;

 private:
  struct Queued {
    const protocol::CommandSpec* spec;
    std::vector<std::string> argv;       // of a local command; empty: it is none
    std::optional<std::string> channel;  // of PUBLISH
    std::unique_ptr<routing::Composer> composer;
    std::string error;  // whole; if not empty, it is the reply
    std::unique_ptr<const Later> later = {};
    std::uint32_t group = 0;
    protocol::Slot slot = protocol::kNoSlot;  // of PUBLISH: its group's
    bool hidden = false;                      // its reply is not the client's

    bool isForwarded() const noexcept { return error.empty() && argv.empty() && later == nullptr; }
  };
  void appendReply(const Queued& queued, std::string_view& rest, const RunLocal& runLocal,
                   const Correct& correct, std::string& out) const;

  static constexpr std::size_t kMostAtOnce = 1000;

  // A SHA1 as a string of its own.
  static constexpr std::size_t kScriptBytes = 96;

  net::ByteChain batch_;  // of the first group, if there are several
  std::vector<Group> groups_;
  std::size_t group_ = 0;  // that is being queued for
  std::size_t groupBytes_ = 0;
  std::string multi_;
  std::deque<Queued> queued_;  // does not move what it has when it grows
  std::optional<Alone> alone_;
  std::size_t forwarded_ = 0;
  std::size_t hidden_ = 0;
  std::size_t localBytes_ = 0;
  std::string failure_;     // empty: no command was refused
  bool corrected_ = false;  // some reply is
  bool hasLater_ = false;
  const protocol::CommandSpec* change_ = nullptr;
  bool readOnly_ = true;
};

}  // namespace slotless::session
