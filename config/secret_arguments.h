// Secrets on the command line, which every user of the machine can see.
#pragma once

namespace slotless::config {

// Overwrites them with 'x', where the process list reads them: values of secret options, and node URLs with a
// password. Whoever needs the arguments has copied them before. Those that nobody understands stay.
void hideSecretArguments(int argc, char** argv) noexcept;

}  // namespace slotless::config
