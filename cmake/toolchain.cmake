# Compiler, linker and the Debian 12 packages that the components link.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS ON)  # TRY is a statement expression.
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

find_program(CCACHE ccache)
if(CCACHE)
  # Paths relative to the tree, so that every checkout shares one cache. Not so for what uses the
  # precompiled header: that holds absolute paths. Without the sloppiness ccache refuses whatever is
  # compiled with -fpch-preprocess.
  # In depend mode no source is preprocessed first: with the compiled header of an older tree in
  # place that ends where the header's name stands, and an older one is taken for the new one.
  set(ccache_mode CCACHE_DEPEND=1 CCACHE_SLOPPINESS=pch_defines,time_macros)
  set(CACHE_OF_TREE ${CMAKE_COMMAND} -E env CCACHE_NOHASHDIR=1 ${ccache_mode} ${CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}
      CCACHE_NOHASHDIR=1 ${ccache_mode} ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${CMAKE_CXX_COMPILER_LAUNCHER})
endif()
find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()

add_compile_options(-Wall -Wextra -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports these falsely inside libstdc++.
  add_compile_options(-Wno-restrict -Wno-maybe-uninitialized -Wno-missing-field-initializers
                      -Wno-stringop-overflow -Wno-array-bounds)
else()
  add_compile_options(-Wthread-safety -Wno-missing-field-initializers
                      -Wno-gnu-statement-expression -Wno-unused-command-line-argument
                      -Wno-unused-lambda-capture)
endif()

# ccache keeps files that use precompiled headers only with this.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-fpch-preprocess)
endif()

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(spdlog REQUIRED)
find_package(fmt REQUIRED)
find_package(CLI11 REQUIRED)
find_package(RocksDB REQUIRED)
find_package(GTest REQUIRED)
pkg_check_modules(HTTPLIB REQUIRED IMPORTED_TARGET cpp-httplib)
pkg_check_modules(LIBNL REQUIRED IMPORTED_TARGET libnl-route-3.0 libnl-3.0)
add_library(httplib ALIAS PkgConfig::HTTPLIB)
include_directories(${CMAKE_SOURCE_DIR})
