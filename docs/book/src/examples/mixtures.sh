# Simulates mixtures.csv: losses on two validation domains after training on 21 mixtures of three domains, in percent.
set -e
parts=0,0.2,0.4,0.6,0.8,1
on() { lawfit simulate 'loss = E + exp(sum_over(d, t[d] * r[d]))' --at r_web=$parts --at r_code=$parts --at r_books=$parts \
    --noise 0.002 "$@"; }

on --set E=1.6 --set t_web=-0.1 --set t_code=0.9 --set t_books=0.3 --seed 1 > on_web.csv
on --set E=0.9 --set t_web=0.8 --set t_code=-1.2 --set t_books=0.6 --seed 2 > on_code.csv
# Domains that follow from variables are in the order of the alphabet.
echo "books,code,web,loss_web,loss_code"
paste -d, on_web.csv on_code.csv |
    awk -F, 'NR > 1 { printf "%g,%g,%g,%.4f,%.4f\n", 100 * $1, 100 * $2, 100 * $3, $4, $8 }'
rm on_web.csv on_code.csv
