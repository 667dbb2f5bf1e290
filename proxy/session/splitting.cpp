#include "proxy/session/splitting.h"

#include "protocol/key_extraction.h"

namespace slotless::session {

bool mayBeSplit(const Command& command, Mode mode) {
  const protocol::CommandSpec& spec = *command.spec;
  return spec.handling == protocol::Handling::Split && mode == Mode::Plain && !command.alone &&
         spec.replyNames == protocol::ReplyNames::None && command.bytes.starts_with('*') &&
         protocol::plainKeyRange(spec, command.argv.size()).has_value();
}

}  // namespace slotless::session
