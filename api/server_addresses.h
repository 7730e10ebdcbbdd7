// At which addresses servers over one store are known, beside those that their Service leads to: of
// dual-stack machines those of the other family. The certificates of servers name them.
#pragma once

namespace skiff {

// Of the EndpointSlice default/kubernetes: "fd00::1,fd00::2". Not there where there are none.
inline constexpr char kServerAddressesAnnotation[] = "skiff.io/server-addresses";

}  // namespace skiff
