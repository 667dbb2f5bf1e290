// Which of SORT's options that name keys by a pattern are there.
#pragma once
#include "protocol/argv.h"

namespace slotless::access {

struct SortOptions {
  bool by = false;  // with a '*': without, it means not to sort
  bool get = false;
  bool byFirst = false;  // BY stands before GET
};
SortOptions sortOptionsOf(protocol::Argv argv) noexcept;

}  // namespace slotless::access
