// A process that this one has started.
//
// Ownership: destroying the object neither ends the process nor waits for it. Errors: as texts ("no such file
// or directory").
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace slotless::net {

class UvLoop;

class ChildProcess {
 public:
  struct Program {
    std::vector<std::string> arguments;    // first its name, which is looked up in PATH if it has no slash
    std::vector<std::string> environment;  // NAME=value
    std::vector<int> descriptors;          // what it has as 3, 4, …, beside 0 to 2, which are ours
  };
  // Called on the loop: its exit code, and the signal that ended it or 0.
  using Ended = std::function<void(std::int64_t code, int signal)>;

  virtual ~ChildProcess() = default;
  virtual int pid() const = 0;
  // Without effect once it has ended.
  virtual void signal(int number) = 0;
  // Nobody is told of its end any more; the loop takes care that nothing is left of it.
  static void kill(std::unique_ptr<ChildProcess> child);

  // nullptr: it could not be started.
  static std::unique_ptr<ChildProcess> start(UvLoop& loop, const Program& program, Ended ended,
                                             std::string& error);
};

}  // namespace slotless::net
