// What the clients of one worker have carried out, for those that have sent MONITOR, on whatever worker they
// are: each command as its client has sent it, with the client's own address.
//
// Nothing is noted, and a request costs one look at a flag, unless somebody in this process watches. A
// command is shown when its reply is complete, those of one client in their order; what a node refused
// without running it is not. What blocks, and a script, whose own commands come from its node, is shown when
// it is sent. The commands of a transaction are shown with its EXEC.
//
// Threads: each worker has one; lines go to the others at the end of the turn, by their mailboxes.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "protocol/argv.h"
#include "protocol/command_spec.h"

namespace slotless::session {

class Client;
class Request;
struct Services;

class MonitorTap {
 public:
  explicit MonitorTap(Services& services) : services_(services) {}

  // Somebody watches.
  bool on() const noexcept { return watchingWorkers_ > 0; }

  // A client of this worker is about to watch. `noted` runs later, on this thread: from then on everything is
  // noted, by all workers.
  void join(std::function<void()> noted);
  // It does not any more.
  void leave() noexcept { --watchers_; }

  // What is to be known of a request before it is taken up. It may have to wait: then that was in vain.
  using Lines = std::shared_ptr<std::vector<std::string>>;
  struct Sight {
    bool shown = false;
    bool queued = false;  // for EXEC
    bool early = false;   // shown when it is sent
    std::uint32_t database = 0;
    std::size_t outputBytes = 0;
    std::string arguments;
    Lines transaction;  // what EXEC is to run
  };
  Sight look(const Client& client, const protocol::CommandSpec& spec, protocol::Argv argv) const;
  void onTaken(Client& client, const protocol::CommandSpec& spec, Sight sight);
  // Its reply is, or a part of it, that error.
  void onError(const Request& request, std::string_view line);
  void onDone(const Request& request);
  // Its client has left. What has been sent is carried out nevertheless.
  void onAbandoned(const Request& request);

  // Once per turn, before clients get their replies.
  void flush() {
    if (!lines_.empty() || (told_ && watchers_ == 0)) pass();
  }

 private:
  struct Note {
    std::string command;
    Lines transaction;  // in front of it
    bool own;           // of the request itself, not of one behind it that has no reply
  };
  using Notes = std::vector<Note>;

  void show(const Note& note);
  void showAllOf(const Client& client);
  void pass();

  Services& services_;
  std::size_t watchingWorkers_ = 0;  // that have told this one
  std::size_t watchers_ = 0;         // clients of this worker
  bool told_ = false;                // all workers have been told that there are some
  std::unordered_map<const Request*, Notes> notes_;
  std::string lines_;  // of this turn
};

}  // namespace slotless::session
