// Users as documents may hold them. Names come in headers and certificates, as any bytes.
#pragma once

#include "apiserver/auth/user.h"

namespace skiff {

// What is no UTF-8 in its names is replaced, as Go does where it shows such a string: one of these
// within a stored object would make every list of its kind unreadable. For showing alone: others
// may be shown by the same name.
User ShownUser(const User& user);

}  // namespace skiff
