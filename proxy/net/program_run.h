// One run of a program whose output is wanted: no shell, no input, limits on its time and output.
//
// Ownership: destroying the object ends the program, with what it has started. Errors: as texts; nothing of
// its output is in them.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proxy/net/loop.h"

namespace slotless::net {

class UvLoop;

class ProgramRun {
 public:
  struct Ended {
    std::string output;      // to stdout, up to the error if there is one
    std::string complaints;  // to stderr; cut at kMostComplaints
    std::string error;
  };
  // Called once; it may destroy the object.
  using Told = std::function<void(const Ended& ended)>;
  static constexpr std::size_t kMostOutput = 65536;
  static constexpr std::size_t kMostComplaints = 4096;

  virtual ~ProgramRun() = default;
  virtual int pid() const = 0;

  // `words`: first its name, which is looked up in PATH if it has no slash. It has this process's
  // environment. After `patience` it is killed. nullptr: it could not be started; nobody is called.
  static std::unique_ptr<ProgramRun> start(UvLoop& loop, const std::vector<std::string>& words,
                                           Millis patience, Told told, std::string& error);
};

}  // namespace slotless::net
