// Files 0, 1 and 2 of this process, which whoever started it may have left closed.
#pragma once

namespace skiff {

// What is opened first would take the place of one that is closed, and what is printed would be
// written into it. In place of each stands a file that cannot be used as it would be: what is read
// or printed there fails, and is not lost unseen. Before there is another thread.
void OpenStandardFiles();

// Whether nobody reads any more what is written there: whoever closes a pipe, or the other end of a
// socket, before its end wants no more of it.
bool IsReaderGone(int file);

}  // namespace skiff
