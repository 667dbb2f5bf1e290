// Makes a request's reply out of what its only leg has brought, where that is the session's business: EXEC of
// commands that the proxy answers itself.
#pragma once
#include <string>

#include "proxy/dispatch/work.h"

namespace slotless::session {

class Request;

class ReplyHook {
 public:
  virtual ~ReplyHook() = default;
  // All is there. Once, before assemble().
  virtual void begin(Request& request) = 0;
  // Appends to the reply as much as the budget allows. True: that was all.
  virtual bool assemble(Request& request, std::string& out, WorkBudget& budget) = 0;
  // It takes more time than there is at once.
  virtual bool isLong() const noexcept = 0;
  // Takes apart what takes long to be destroyed. True: it is empty.
  virtual bool discard(WorkBudget& budget) = 0;
  virtual std::size_t memoryBytes() const noexcept = 0;
};

}  // namespace slotless::session
