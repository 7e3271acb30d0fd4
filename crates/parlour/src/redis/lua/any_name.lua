local name = ARGV[1]
