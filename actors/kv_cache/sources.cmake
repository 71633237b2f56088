set(TROUPE_KV_CACHE_SOURCES
  kv_cache/block_pool.cpp
  kv_cache/kv_cache.cpp
  kv_cache/lease_table.cpp
  kv_cache/prefix_tree.cpp)
