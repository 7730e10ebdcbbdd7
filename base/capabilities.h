// What the kernel lets this process do beyond what everybody may.
#pragma once

namespace skiff {

// As linux/capability.h numbers them.
enum class Capability : int { kSysAdmin = 21, kSysResource = 24 };
bool HasCapability(Capability capability);

}  // namespace skiff
