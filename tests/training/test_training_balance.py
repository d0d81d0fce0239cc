"""The note on a discriminator that has won."""

from ppgan_ext.training.balance import Balance


def notes(*accuracies, name="D_A_accuracy"):
    balance = Balance()
    return [i for i, value in enumerate(accuracies, 1) if balance.note({name: value, "D_A_loss": 9.0}) is not None]


def test_it_comes_once_after_500_certain_iterations():
    assert notes(*[1.0] * 1200) == [500]
    assert notes(*[0.99] * 1200) == []


def test_a_single_doubt_starts_the_count_again():
    assert notes(*[1.0] * 499, 0.9, *[1.0] * 600) == [1000]


def test_it_names_every_winner_and_the_cures():
    balance = Balance()
    numbers = {"D_A_accuracy": 1.0, "D_B_accuracy": 0.995, "D_C_accuracy": 0.5}
    text = [balance.note(numbers) for _ in range(500)][-1]
    assert text.startswith("D_A_accuracy, D_B_accuracy above 0.99 for 500 iterations")
    assert "r1_reg_weight" in text
    assert balance.note({"loss": 1.0}) is None
