// Keeps the credentials for the nodes up to date: as the configuration has them, or as a program tells them
// (password-command), which is run again in good time before what it told expires, and sooner where nodes
// refuse that.
//
// On one loop, and no worker's. A program that fails, or prints nothing of use, changes nothing: the last
// credentials stay, and it is run again after pauses that double. Nothing secret is logged.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "proxy/credentials/command_counts.h"
#include "proxy/credentials/credential_book.h"
#include "proxy/net/program_run.h"

namespace slotless::credentials {

struct SourceSettings {
  upstream::Credentials configured;  // with a command: only the user, for when it names none
  std::vector<std::string> command;  // empty: none
  net::Millis timeout{10'000};       // of the command
};

// How a program is started: ProgramRun::start() on the source's loop.
using StartProgram = std::function<std::unique_ptr<net::ProgramRun>(
    const std::vector<std::string>& words, net::Millis patience, net::ProgramRun::Told told,
    std::string& error)>;

class CredentialSource {
 public:
  // `changed`: there are credentials, or others than before. Never called from within the constructor.
  // `counts` outlive it.
  CredentialSource(net::Loop& loop, StartProgram start, std::function<void()> changed,
                   std::uint32_t randomSeed, CommandCounts& counts);
  ~CredentialSource();

  // Calls `changed` at once where that is so.
  void setSettings(SourceSettings settings);
  // The command is run now, whatever it has told.
  void askAgain();
  // False: the command has not told any yet.
  bool known() const noexcept { return book_.known(); }
  // Requires known().
  const upstream::Access& access() const noexcept { return book_.access(); }

 private:
  void tick();
  void schedule();
  void run();
  void onEnded(const net::ProgramRun::Ended& ended);
  void onFailed(const std::string& why);

  net::Loop& loop_;
  const StartProgram start_;
  const std::function<void()> changed_;
  std::minstd_rand random_;
  CommandCounts& counts_;
  CredentialBook book_;
  SourceSettings settings_;
  std::unique_ptr<net::Timer> timer_;
  std::unique_ptr<net::ProgramRun> run_;
};

}  // namespace slotless::credentials
