// What only pods have defaulted, not the templates they are made from.
#pragma once

namespace skiff {

namespace core_v1 {
struct Pod;
}

void DefaultPod(core_v1::Pod& pod);

}  // namespace skiff
