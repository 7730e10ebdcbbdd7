# Compiler, linker and the Debian 12 packages that the components link.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS ON)  # TRY is a statement expression.
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

find_program(CCACHE ccache)
if(CCACHE)
  # Paths relative to the tree, so that every checkout shares one cache; also the precompiled header,
  # whose bytes no two compilations agree on, and with it all that includes it. Without the
  # sloppiness ccache refuses whatever is compiled with -fpch-preprocess.
  # In depend mode no source is preprocessed first: with the compiled header of an older tree in
  # place that ends where the header's name stands, and an older one is taken for the new one.
  set(ccache_mode CCACHE_DEPEND=1 CCACHE_SLOPPINESS=pch_defines,time_macros)
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

# To collect its garbage below a gigabyte costs g++ a sixth of its time, and saves it a tenth of that.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options("SHELL:--param ggc-min-heapsize=1000000")
endif()

# What of -O2 this program gains by, at two thirds of what -O2 costs: docs/decisions/0064.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  set(optimised -O1 -finline-functions -finline-small-functions -findirect-inlining
      -foptimize-sibling-calls -fstrict-aliasing -freorder-blocks-algorithm=stc -freorder-functions
      -fcaller-saves)
else()
  set(optimised -O2)
endif()
add_compile_options("$<$<CONFIG:Release>:${optimised}>")

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
pkg_check_modules(LIBNL REQUIRED libnl-3.0)
pkg_check_modules(GRPC REQUIRED grpc++)
add_library(httplib ALIAS PkgConfig::HTTPLIB)

# archives(target lib...): links the libraries' archives instead of their shared objects, where
# Debian has both. gRPC alone has sixty shared objects, and to find, map and relocate them was most
# of what a start of skiff spent before main() (docs/decisions/0035-the-first-start.md).
function(archives target)
  set(found)
  foreach(library ${ARGN})
    find_library(ARCHIVE_${library} lib${library}.a REQUIRED)
    mark_as_advanced(ARCHIVE_${library})
    list(APPEND found ${ARCHIVE_${library}})
  endforeach()
  list(JOIN found "," found)
  add_library(${target} INTERFACE)
  target_link_libraries(${target} INTERFACE "$<LINK_GROUP:RESCAN,${found}>")
endfunction()

# What httplib links too must stay shared, or the program has two of it.
set(grpc ${GRPC_STATIC_LIBRARIES})
list(REMOVE_ITEM grpc ssl crypto z atomic rt dl)
list(REMOVE_DUPLICATES grpc)
archives(grpc_archives ${grpc} protobuf-lite)
target_link_libraries(grpc_archives INTERFACE OpenSSL::SSL ZLIB::ZLIB)
archives(re2_archive re2)
archives(yaml_archive yaml-cpp yaml)
archives(nghttp2_archive nghttp2)
# What seals records on processors with VAES and AVX-512; elsewhere OpenSSL does (http/record_cipher).
add_library(record_cipher INTERFACE)
if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
  archives(ipsec_archive IPSec_MB)
  target_link_libraries(record_cipher INTERFACE ipsec_archive)
  target_compile_definitions(record_cipher INTERFACE SKIFF_IPSEC_MB)
endif()
archives(sodium_archive sodium)
archives(libnl_archives nl-route-3 nl-3)
target_include_directories(libnl_archives INTERFACE ${LIBNL_INCLUDE_DIRS})
# A fifth of a write's time went into glibc's allocator, and what it kept of small pieces was half of
# a busy server's memory. Sanitizers have allocators of their own.
if(NOT CMAKE_CXX_FLAGS MATCHES "-fsanitize")
  option(SKIFF_JEMALLOC "Link jemalloc instead of the C library's allocator" ON)
endif()
if(SKIFF_JEMALLOC)
  archives(allocator jemalloc_pic)
  # In unit tests all memory is overwritten when it comes and when it goes: who reads what is gone is
  # found out.
  set(unit_heap MALLOC_CONF=junk:true)
else()
  add_library(allocator INTERFACE)
  set(unit_heap "")
endif()
# RocksDB's own target names the shared objects of these, and gflags, which only its tools use.
archives(compression_archives snappy bz2 lz4 zstd)
set_target_properties(RocksDB::rocksdb PROPERTIES
                      INTERFACE_LINK_LIBRARIES "compression_archives;ZLIB::ZLIB")
include_directories(${CMAKE_SOURCE_DIR})
