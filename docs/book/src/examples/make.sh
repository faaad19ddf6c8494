# Simulates runs.csv: two families of models from laws with different terms of data, and one run that diverged.
set -e
web() { lawfit simulate 'loss = E + A / params^alpha + B / tokens^beta' "$@" --noise 0.004 \
    --set E=1.8 --set A=420 --set alpha=0.34 --set B=1500 --set beta=0.33; }
books() { lawfit simulate 'loss = E + A / params^alpha + B / tokens^beta' "$@" --noise 0.004 \
    --set E=1.8 --set A=420 --set alpha=0.34 --set B=1250 --set beta=0.33; }
row() { awk -F, -v family="$1" 'NR > 1 { printf "%s-%d,%s,%s,%s,%.4f\n", family, NR - 1, family, $1, $2, $3 }'; }

echo "run,family,params,tokens,loss"
web --at params=30M,100M,300M,1B,3B --at tokens=2B,6B,20B,60B,200B --seed 1 | row web
books --at params=30M,100M,300M,1B --at tokens=2B,6B,20B,60B --seed 2 | row books
echo "web-26,web,3e9,2e9,9.8127"
